package main

import (
	corev1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// scoring gives, for each node that takes the pod, what every score plugin gives it, times the plugin's weight. Plugins
// that have nothing to say are left out. It is null where a plugin meets an error: the real scheduler gives up.
func scoring(s *scheduler, pod *corev1.Pod) any {
	// A pod that waits has no containers yet, so nothing says what they were resized to.
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
	state := framework.NewCycleState()
	var feasible []fwk.NodeInfo
	for n, verdict := range s.filter(state, pod) {
		if verdict.IsSuccess() {
			feasible = append(feasible, s.snapshot.nodes[n])
		}
	}
	if status := s.framework.RunPreScorePlugins(s.ctx, state, pod, feasible); !status.IsSuccess() {
		return nil
	}
	scored, status := s.framework.RunScorePlugins(s.ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return nil
	}
	byNode := map[string]map[string]int64{}
	for _, node := range scored {
		byPlugin := map[string]int64{}
		for _, plugin := range node.Scores {
			byPlugin[plugin.Name] = plugin.Score
		}
		byNode[node.Name] = byPlugin
	}
	return byNode
}
