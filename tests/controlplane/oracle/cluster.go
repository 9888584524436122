package main

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"sigs.k8s.io/json"

	// These register the defaults that the API server fills in.
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

// cluster is one dump, with missing fields at the API's defaults.
type cluster struct {
	nodes []*corev1.Node
	// pods without the finished ones: the scheduler does not watch those.
	pods   []*corev1.Pod
	others map[string][]runtime.Object
}

// kinds are the ones that matter to filters and scores; every other item of a dump is passed over.
var kinds = map[string]func() runtime.Object{
	"v1/Node":                              func() runtime.Object { return &corev1.Node{} },
	"v1/Pod":                               func() runtime.Object { return &corev1.Pod{} },
	"v1/Namespace":                         func() runtime.Object { return &corev1.Namespace{} },
	"v1/PersistentVolume":                  func() runtime.Object { return &corev1.PersistentVolume{} },
	"v1/PersistentVolumeClaim":             func() runtime.Object { return &corev1.PersistentVolumeClaim{} },
	"storage.k8s.io/v1/StorageClass":       func() runtime.Object { return &storagev1.StorageClass{} },
	"storage.k8s.io/v1/CSINode":            func() runtime.Object { return &storagev1.CSINode{} },
	"storage.k8s.io/v1/CSIDriver":          func() runtime.Object { return &storagev1.CSIDriver{} },
	"storage.k8s.io/v1/CSIStorageCapacity": func() runtime.Object { return &storagev1.CSIStorageCapacity{} },
	"storage.k8s.io/v1/VolumeAttachment":   func() runtime.Object { return &storagev1.VolumeAttachment{} },
	"resource.k8s.io/v1/ResourceClaim":     func() runtime.Object { return &resourcev1.ResourceClaim{} },
	"resource.k8s.io/v1/ResourceSlice":     func() runtime.Object { return &resourcev1.ResourceSlice{} },
	"resource.k8s.io/v1/DeviceClass":       func() runtime.Object { return &resourcev1.DeviceClass{} },
	"v1/Service":                           func() runtime.Object { return &corev1.Service{} },
	"v1/ReplicationController":             func() runtime.Object { return &corev1.ReplicationController{} },
	"apps/v1/ReplicaSet":                   func() runtime.Object { return &appsv1.ReplicaSet{} },
	"apps/v1/StatefulSet":                  func() runtime.Object { return &appsv1.StatefulSet{} },
}

func parseCluster(dump []byte) (*cluster, error) {
	var list struct {
		Items []rawItem `json:"items"`
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(dump, &list); err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	c := &cluster{others: map[string][]runtime.Object{}}
	for n, item := range list.Items {
		var meta struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := json.UnmarshalCaseSensitivePreserveInts(item, &meta); err != nil {
			return nil, fmt.Errorf("reading the kind of item %d: %w", n, err)
		}
		create, known := kinds[meta.APIVersion+"/"+meta.Kind]
		if !known {
			continue
		}
		object := create()
		if err := json.UnmarshalCaseSensitivePreserveInts(item, object); err != nil {
			return nil, fmt.Errorf("reading %s, item %d: %w", meta.Kind, n, err)
		}
		legacyscheme.Scheme.Default(object)
		c.add(meta.Kind, object)
	}
	return c, nil
}

func (c *cluster) add(kind string, object runtime.Object) {
	switch object := object.(type) {
	case *corev1.Node:
		c.nodes = append(c.nodes, object)
	case *corev1.Pod:
		if object.Status.Phase != corev1.PodSucceeded && object.Status.Phase != corev1.PodFailed {
			c.pods = append(c.pods, object)
		}
	default:
		c.others[kind] = append(c.others[kind], object)
	}
}

// rawItem is one object of the list, kept as text until its kind is known.
type rawItem []byte

func (r *rawItem) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}
