module plimsoll/bench/vpa

go 1.26.6

require k8s.io/autoscaler/vertical-pod-autoscaler v1.8.1 // indirect
