package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	configv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	schedulercache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	"k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// scheduler is kube-scheduler's plugins as the default profile sets them up, over one cluster at a time.
// It is not safe for concurrent use.
type scheduler struct {
	ctx       context.Context
	framework framework.Framework
	informers *settledInformers
	snapshot  *currentSnapshot
}

func newScheduler(ctx context.Context) (*scheduler, error) {
	profile, err := defaultProfile()
	if err != nil {
		return nil, err
	}
	// Plugins want a client at their making; no filter calls it, and this one has nowhere to go.
	client, err := kubernetes.NewForConfig(&rest.Config{})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	informers := newSettledInformers(client)
	claims, err := dynamicResources(ctx, informers)
	if err != nil {
		return nil, err
	}
	snapshot := &currentSnapshot{newSnapshot(&cluster{})}
	framework, err := runtime.NewFramework(ctx, plugins.NewInTreeRegistry(), profile,
		runtime.WithClientSet(client),
		runtime.WithInformerFactory(informers.factory),
		runtime.WithSharedDRAManager(claims),
		runtime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(informers.factory.Storage().V1().CSINodes().Lister())),
		runtime.WithSnapshotSharedLister(snapshot),
		runtime.WithPodGroupManager(schedulercache.New(ctx, nil, false)),
		// Workers share out clusters; threads inside one pod's evaluation would only cost.
		runtime.WithParallelism(1),
	)
	if err != nil {
		return nil, fmt.Errorf("setting up the plugins: %w", err)
	}
	return &scheduler{ctx: ctx, framework: framework, informers: informers, snapshot: snapshot}, nil
}

// load makes the cluster the one that every later question is about.
func (s *scheduler) load(c *cluster) error {
	if err := s.informers.replace(c); err != nil {
		return fmt.Errorf("loading the cluster: %w", err)
	}
	s.snapshot.snapshot = newSnapshot(c)
	return nil
}

// verdicts tells, in the order of the snapshot's nodes, why each one refuses the pod; nil is a node that takes it.
func (s *scheduler) verdicts(pod *corev1.Pod) []*fwk.Status {
	return s.filter(framework.NewCycleState(), pod)
}

// filter is verdicts, with what the plugins remember of the pod left in the state.
func (s *scheduler) filter(state fwk.CycleState, pod *corev1.Pod) []*fwk.Status {
	narrowed, status, _ := s.framework.RunPreFilterPlugins(s.ctx, state, pod)
	verdicts := make([]*fwk.Status, len(s.snapshot.nodes))
	for n, node := range s.snapshot.nodes {
		switch {
		case !status.IsSuccess():
			verdicts[n] = status
		case !narrowed.AllNodes() && !narrowed.NodeNames.Has(node.Node().Name):
			verdicts[n] = fwk.NewStatus(fwk.UnschedulableAndUnresolvable, "not among the nodes that PreFilter names")
		default:
			verdicts[n] = s.framework.RunFilterPlugins(s.ctx, state, pod, node)
		}
	}
	return verdicts
}

// pending is the pod as it was before it got its node.
func pending(pod *corev1.Pod) *corev1.Pod {
	copied := pod.DeepCopy()
	copied.Spec.NodeName = ""
	copied.Status.NominatedNodeName = ""
	return copied
}

func defaultProfile() (*config.KubeSchedulerProfile, error) {
	var versioned configv1.KubeSchedulerConfiguration
	scheme.Scheme.Default(&versioned)
	var internal config.KubeSchedulerConfiguration
	if err := scheme.Scheme.Convert(&versioned, &internal, nil); err != nil {
		return nil, fmt.Errorf("reading the default profile: %w", err)
	}
	return &internal.Profiles[0], nil
}

func dynamicResources(ctx context.Context, informers *settledInformers) (fwk.SharedDRAManager, error) {
	resources := informers.factory.Resource().V1()
	slices, err := tracker.StartTracker(ctx, tracker.Options{
		SliceInformer:            resources.ResourceSlices(),
		EnableConsumableCapacity: feature.DefaultFeatureGate.Enabled(features.DRAConsumableCapacity),
	})
	if err != nil {
		return nil, fmt.Errorf("starting the tracker of resource slices: %w", err)
	}
	claims := assumecache.NewAssumeCache(klog.FromContext(ctx), resources.ResourceClaims().Informer(), "ResourceClaim", "", nil)
	manager := dynamicresources.NewDRAManager(ctx, claims, slices, informers.factory)
	if classes, watches := manager.DeviceClassResolver().(cache.ResourceEventHandler); watches {
		if _, err := resources.DeviceClasses().Informer().AddEventHandler(classes); err != nil {
			return nil, fmt.Errorf("watching device classes: %w", err)
		}
	}
	return manager, nil
}
