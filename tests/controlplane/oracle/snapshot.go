package main

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// snapshot is what the scheduler's cache shows to plugins: every node with the pods on it. One pod at a time can be
// taken out.
//
// The scheduler's own snapshot cannot change after its making and costs a rebuild of every node for each pod.
type snapshot struct {
	nodes  []fwk.NodeInfo
	index  map[string]int
	onNode map[string][]*framework.PodInfo
	// claimUses counts the mounts of each claim, keyed "namespace/name", by pods on nodes.
	claimUses map[string]int

	withAffinity     []fwk.NodeInfo
	withAntiAffinity []fwk.NodeInfo
}

// newSnapshot leaves out pods without a node and pods on a node that does not exist: the scheduler's cache keeps the
// latter aside until their node comes, and its snapshot lists existing nodes only.
func newSnapshot(c *cluster) *snapshot {
	s := &snapshot{
		index:     map[string]int{},
		onNode:    map[string][]*framework.PodInfo{},
		claimUses: map[string]int{},
	}
	for _, pod := range c.pods {
		// The scheduler ignores this error as well: a selector that does not parse matches nothing.
		info, _ := framework.NewPodInfo(pod)
		s.onNode[pod.Spec.NodeName] = append(s.onNode[pod.Spec.NodeName], info)
	}
	for _, node := range c.nodes {
		s.index[node.Name] = len(s.nodes)
		s.nodes = append(s.nodes, nodeInfo(node, s.onNode[node.Name], nil))
		for _, pod := range s.onNode[node.Name] {
			s.countClaims(pod.Pod, 1)
		}
	}
	s.listNodesWithAffinity()
	return s
}

// takeOut removes a pod as if it were not scheduled yet; the returned function puts it back.
func (s *snapshot) takeOut(pod *corev1.Pod) func() {
	at, onKnownNode := s.index[pod.Spec.NodeName]
	if !onKnownNode {
		return func() {}
	}
	full := s.nodes[at]
	withAffinity, withAntiAffinity := s.withAffinity, s.withAntiAffinity

	// Built anew instead of subtracting: of two pods with one host port, RemovePod would free the port of both.
	s.nodes[at] = nodeInfo(full.Node(), s.onNode[pod.Spec.NodeName], pod)
	s.countClaims(pod, -1)
	if pod.Spec.Affinity != nil || len(full.GetPodsWithAffinity()) > 0 {
		s.listNodesWithAffinity()
	}
	return func() {
		s.nodes[at] = full
		s.countClaims(pod, 1)
		s.withAffinity, s.withAntiAffinity = withAffinity, withAntiAffinity
	}
}

func nodeInfo(node *corev1.Node, pods []*framework.PodInfo, without *corev1.Pod) *framework.NodeInfo {
	info := framework.NewNodeInfo()
	for _, pod := range pods {
		if pod.Pod != without {
			info.AddPodInfo(pod)
		}
	}
	info.SetNode(node)
	return info
}

func (s *snapshot) countClaims(pod *corev1.Pod, change int) {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			s.claimUses[framework.GetNamespacedName(pod.Namespace, volume.PersistentVolumeClaim.ClaimName)] += change
		}
	}
}

func (s *snapshot) listNodesWithAffinity() {
	s.withAffinity, s.withAntiAffinity = nil, nil
	for _, node := range s.nodes {
		if len(node.GetPodsWithAffinity()) > 0 {
			s.withAffinity = append(s.withAffinity, node)
		}
		if len(node.GetPodsWithRequiredAntiAffinity()) > 0 {
			s.withAntiAffinity = append(s.withAntiAffinity, node)
		}
	}
}

// currentSnapshot is the lister that plugins hold on to for life; the cluster behind it changes.
type currentSnapshot struct{ *snapshot }

var _ fwk.SharedLister = &currentSnapshot{}

func (s *currentSnapshot) NodeInfos() fwk.NodeInfoLister { return s }

func (s *currentSnapshot) StorageInfos() fwk.StorageInfoLister { return s }

func (s *currentSnapshot) PodGroupStates() fwk.PodGroupStateLister { return noPodGroups{} }

func (s *currentSnapshot) List() ([]fwk.NodeInfo, error) { return s.nodes, nil }

func (s *currentSnapshot) HavePodsWithAffinityList() ([]fwk.NodeInfo, error) {
	return s.withAffinity, nil
}

func (s *currentSnapshot) HavePodsWithRequiredAntiAffinityList() ([]fwk.NodeInfo, error) {
	return s.withAntiAffinity, nil
}

func (s *currentSnapshot) Get(name string) (fwk.NodeInfo, error) {
	if at, ok := s.index[name]; ok {
		return s.nodes[at], nil
	}
	return nil, fmt.Errorf("nodeinfo not found for node name %q", name)
}

func (s *currentSnapshot) IsPVCUsedByPods(key string) bool { return s.claimUses[key] > 0 }

// noPodGroups: their feature gate is off by default.
type noPodGroups struct{}

func (noPodGroups) Get(string, string) (fwk.PodGroupState, error) {
	return nil, errors.New("pod groups are off by default")
}
