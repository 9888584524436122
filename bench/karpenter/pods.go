package main

import (
	"fmt"
	"math/rand"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Five classes of pods, a fifth of the count each, in this order; the first fills up what the division leaves.
//
// The numbers are drawn from Go's generator in the order in which Karpenter's benchmark draws them (labels, the
// constraint's selector, CPU, memory), so that the same seed gives the same pods.
func diversePods(seed int64, count int) []*corev1.Pod {
	g := generator{random: rand.New(rand.NewSource(seed))}
	each := count / 5
	g.many(each, (*generator).generic)
	g.many(each, func(g *generator) { g.spread(corev1.LabelTopologyZone) })
	g.many(each, func(g *generator) { g.spread(corev1.LabelHostname) })
	g.many(each, (*generator).togetherInAZone)
	g.many(each, (*generator).eachOnItsNode)
	g.many(count-len(g.pods), (*generator).generic)
	return g.pods
}

var (
	letters    = []string{"a", "b", "c", "d", "e", "f", "g"}
	millicores = []int64{100, 250, 500, 1000, 1500}
	mebibytes  = []int64{100, 256, 512, 1024, 2048, 4096}
)

type generator struct {
	random *rand.Rand
	pods   []*corev1.Pod
}

func (g *generator) many(count int, one func(*generator)) {
	for range count {
		one(g)
	}
}

func (g *generator) generic() {
	g.add(g.letter("my-label"), corev1.PodSpec{})
}

// spread asks for a skew of at most one among pods that have another letter, or by chance their own.
func (g *generator) spread(over string) {
	labels, selected := g.letter("my-label"), g.letter("my-label")
	constraint := corev1.TopologySpreadConstraint{
		MaxSkew:           1,
		TopologyKey:       over,
		WhenUnsatisfiable: corev1.DoNotSchedule,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: selected},
	}
	g.add(labels, corev1.PodSpec{TopologySpreadConstraints: []corev1.TopologySpreadConstraint{constraint}})
}

// togetherInAZone asks for the zone of the pods with its own letter.
func (g *generator) togetherInAZone() {
	labels := g.letter("my-affininity")
	g.add(labels, corev1.PodSpec{Affinity: &corev1.Affinity{
		PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term(labels, corev1.LabelTopologyZone)},
	}})
}

// eachOnItsNode keeps off the nodes of its like.
func (g *generator) eachOnItsNode() {
	labels := map[string]string{"app": "nginx"}
	g.add(labels, corev1.PodSpec{Affinity: &corev1.Affinity{
		PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term(labels, corev1.LabelHostname)},
	}})
}

func term(labels map[string]string, over string) []corev1.PodAffinityTerm {
	return []corev1.PodAffinityTerm{{LabelSelector: &metav1.LabelSelector{MatchLabels: labels}, TopologyKey: over}}
}

func (g *generator) letter(key string) map[string]string {
	return map[string]string{key: letters[g.random.Intn(len(letters))]}
}

func (g *generator) add(labels map[string]string, spec corev1.PodSpec) {
	number := len(g.pods)
	cpu := millicores[g.random.Intn(len(millicores))]
	memory := mebibytes[g.random.Intn(len(mebibytes))]
	spec.Containers = []corev1.Container{{
		Name:  "app",
		Image: "app",
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU:    *resource.NewMilliQuantity(cpu, resource.DecimalSI),
			corev1.ResourceMemory: *resource.NewQuantity(memory<<20, resource.BinarySI),
		}},
	}}
	g.pods = append(g.pods, &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default",
			Name:      fmt.Sprintf("pod-%06d", number),
			UID:       types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", number)),
			Labels:    labels,
		},
		Spec:   spec,
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	})
}
