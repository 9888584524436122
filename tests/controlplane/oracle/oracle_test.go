package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

func TestMain(m *testing.M) {
	klog.SetLogger(klog.Logger{})
	metrics.Register()
	os.Exit(m.Run())
}

// Small parts that the clusters below are made of.
const (
	nodeA = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a","labels":{"zone":"1","name":"a"}},"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"10"}}}`
	nodeB = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"b","labels":{"zone":"2","name":"b"}},"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"10"}}}`

	tainted  = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"t"},"spec":{"taints":[{"key":"k","effect":"NoSchedule"}]},"status":{"capacity":{"pods":"10"}}}`
	declares = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"d"},"status":{"capacity":{"pods":"10"},"declaredFeatures":["RestartAllContainersOnContainerExits"]}}`

	waitingClass = `{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"late"},"provisioner":"csi.test","volumeBindingMode":"WaitForFirstConsumer","allowedTopologies":[{"matchLabelExpressions":[{"key":"zone","values":["2"]}]}]}`
	waitingClaim = `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c","namespace":"n"},"spec":{"storageClassName":"late","resources":{"requests":{"storage":"1Gi"}}}}`
	boundClaim   = `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"used","namespace":"n","annotations":{"pv.kubernetes.io/bind-completed":"yes"}},"spec":{"volumeName":"v","storageClassName":"late","resources":{"requests":{"storage":"1Gi"}}}}`
	volume       = `{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"v"},"spec":{"storageClassName":"late","csi":{"driver":"csi.test","volumeHandle":"h"}}}`
	limitOfB     = `{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{"name":"b"},"spec":{"drivers":[{"name":"csi.test","allocatable":{"count":1}}]}}`
)

// pod has the name, the labels app=NAME, and the rest of a spec.
func pod(name, spec string) string {
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","namespace":"n","labels":{"app":"` + name + `"}},"spec":{` + spec + `}}`
}

func TestFit(t *testing.T) {
	const spreadOverZones = `"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchExpressions":[{"key":"app","operator":"Exists"}]}}]`
	const awayFromP = `"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{"matchLabels":{"app":"p"}}}]}}`

	for _, c := range []struct {
		name  string
		items []string
		want  map[string][]string
	}{
		{"untolerated_taint_refuses", []string{nodeA, tainted, pod("p", ``)},
			map[string][]string{"n/p": {"a"}}},
		{"exists_without_key_tolerates_every_taint", []string{nodeA, tainted, pod("p", `"tolerations":[{"operator":"Exists"}]`)},
			map[string][]string{"n/p": {"a", "t"}}},
		{"node_affinity_narrows_by_name", []string{nodeA, nodeB, pod("p", `"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["b"]}]}]}}}`)},
			map[string][]string{"n/p": {"b"}}},
		{"limits_stand_in_for_requests", []string{nodeA, pod("p", `"containers":[{"name":"x","resources":{"limits":{"cpu":"5"}}}]`)},
			map[string][]string{"n/p": {}}},
		{"a_pod_does_not_count_against_itself", []string{nodeA, pod("p", `"nodeName":"a","containers":[{"name":"x","resources":{"requests":{"cpu":"3"}}}]`)},
			map[string][]string{"n/p": {"a"}}},
		{"pods_on_unknown_nodes_are_judged_and_take_nothing", []string{nodeA, pod("p", `"nodeName":"gone","containers":[{"name":"x","resources":{"requests":{"cpu":"3"}}}]`), pod("q", `"containers":[{"name":"x","resources":{"requests":{"cpu":"3"}}}]`)},
			map[string][]string{"n/p": {"a"}, "n/q": {"a"}}},
		{"host_network_takes_its_ports_on_the_host", []string{nodeA, nodeB, pod("p", `"nodeName":"a","hostNetwork":true,"containers":[{"name":"x","ports":[{"containerPort":80}]}]`), pod("q", `"containers":[{"name":"x","ports":[{"containerPort":8080,"hostPort":80,"hostIP":"10.0.0.1"}]}]`)},
			map[string][]string{"n/p": {"a", "b"}, "n/q": {"b"}}},
		{"spread_allows_the_emptier_zone_only", []string{nodeA, nodeB, pod("p", `"nodeName":"a"`), pod("q", spreadOverZones)},
			map[string][]string{"n/p": {"a", "b"}, "n/q": {"b"}}},
		{"anti_affinity_of_running_pods_binds_newcomers", []string{nodeA, nodeB, pod("guard", `"nodeName":"a",`+awayFromP), pod("p", ``)},
			map[string][]string{"n/guard": {"a", "b"}, "n/p": {"b"}}},
		{"unbound_claim_follows_allowed_topologies", []string{nodeA, nodeB, waitingClass, waitingClaim, pod("p", `"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]`)},
			map[string][]string{"n/p": {"b"}}},
		{"missing_claim_refuses_everywhere", []string{nodeA, pod("p", `"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]`)},
			map[string][]string{"n/p": {}}},
		{"csi_limit_counts_volumes_in_use", []string{nodeA, nodeB, waitingClass, waitingClaim, boundClaim, volume, limitOfB,
			pod("user", `"nodeName":"b","volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"used"}}]`), pod("p", `"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]`)},
			map[string][]string{"n/user": {"a", "b"}, "n/p": {}}},
		{"declared_feature_is_required", []string{nodeA, declares, pod("p", `"containers":[{"name":"x","restartPolicyRules":[{"action":"RestartAllContainers"}]}]`)},
			map[string][]string{"n/p": {"d"}}},
		{"finished_pods_are_not_judged", []string{nodeA, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"done","namespace":"n"},"status":{"phase":"Succeeded"}}`},
			map[string][]string{}},
		{"unknown_kinds_are_passed_over", []string{nodeA, `{"apiVersion":"example.com/v1","kind":"Node","metadata":{"name":"not-a-node"}}`, pod("p", ``)},
			map[string][]string{"n/p": {"a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := fit(context.Background(), strings.NewReader(list(c.items)), &out, 1, passing); err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// One scheduler serves many clusters, so nothing of a cluster may reach the next one.
func TestNothingIsLeftOfTheClusterBefore(t *testing.T) {
	withClaim := []string{nodeA, nodeB, waitingClass, waitingClaim, boundClaim, volume, limitOfB, pod("p", `"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]`)}
	withoutClaim := []string{nodeA, nodeB, pod("p", `"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]`)}

	var in strings.Builder
	var want strings.Builder
	for range 20 {
		in.WriteString(list(withClaim) + list(withoutClaim))
		want.WriteString(`{"n/p":["b"]}` + "\n" + `{"n/p":[]}` + "\n")
	}
	var out bytes.Buffer
	if err := fit(context.Background(), strings.NewReader(in.String()), &out, 2, passing); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestWhyNamesThePlugin(t *testing.T) {
	var out bytes.Buffer
	if err := fit(context.Background(), strings.NewReader(list([]string{tainted, pod("p", ``)})), &out, 1, refusing); err != nil {
		t.Fatal(err)
	}
	if want := `{"n/p":{"t":"TaintToleration: node(s) had untolerated taint(s) (UnschedulableAndUnresolvable)"}}` + "\n"; out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

func TestQuantities(t *testing.T) {
	var out bytes.Buffer
	if err := quantities(strings.NewReader("1500m\n1Ki\nnonsense\n"), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"ok":true,"value":2,"milli":1500}
{"ok":true,"value":1024,"milli":1024000}
{"ok":false,"value":0,"milli":0}
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

// list is one line of input.
func list(items []string) string {
	return `{"apiVersion":"v1","kind":"List","items":[` + strings.Join(items, ",") + `]}` + "\n"
}
