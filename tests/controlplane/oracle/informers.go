package main

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// settledInformer is an informer that is told its objects and never watches anything.
//
// A real one hands events to its handlers from goroutines of its own, so each new cluster would cost a wait of
// milliseconds per kind. This one calls the handlers before replace returns.
type settledInformer struct {
	cache.SharedIndexInformer
	handlers []cache.ResourceEventHandler
}

func (i *settledInformer) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	i.handlers = append(i.handlers, handler)
	return nil, nil
}

func (i *settledInformer) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

func (i *settledInformer) AddEventHandlerWithOptions(handler cache.ResourceEventHandler, _ cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

// replace makes objects the whole content, as a fresh list from the API server would.
func (i *settledInformer) replace(objects []runtime.Object) error {
	old := i.GetStore().List()
	content := make([]any, len(objects))
	for n, object := range objects {
		content[n] = object
	}
	if err := i.GetStore().Replace(content, ""); err != nil {
		return err
	}
	for _, handler := range i.handlers {
		for _, object := range old {
			handler.OnDelete(object)
		}
		for _, object := range content {
			handler.OnAdd(object, true)
		}
	}
	return nil
}

// settledInformers are the informers of the kinds that some plugin reads, besides nodes and pods, which it takes from
// the snapshot. Services and the controllers of pods serve scores alone.
type settledInformers struct {
	factory informers.SharedInformerFactory
	byKind  map[string]*settledInformer
}

func newSettledInformers(client kubernetes.Interface) *settledInformers {
	s := &settledInformers{
		factory: informers.NewSharedInformerFactory(client, 0),
		byKind:  map[string]*settledInformer{},
	}
	s.add("Namespace", &corev1.Namespace{})
	s.add("PersistentVolume", &corev1.PersistentVolume{})
	s.add("PersistentVolumeClaim", &corev1.PersistentVolumeClaim{})
	s.add("StorageClass", &storagev1.StorageClass{})
	s.add("CSINode", &storagev1.CSINode{})
	s.add("CSIDriver", &storagev1.CSIDriver{})
	s.add("CSIStorageCapacity", &storagev1.CSIStorageCapacity{})
	s.add("VolumeAttachment", &storagev1.VolumeAttachment{})
	s.add("ResourceClaim", &resourcev1.ResourceClaim{})
	s.add("ResourceSlice", &resourcev1.ResourceSlice{})
	s.add("DeviceClass", &resourcev1.DeviceClass{})
	s.add("Service", &corev1.Service{})
	s.add("ReplicationController", &corev1.ReplicationController{})
	s.add("ReplicaSet", &appsv1.ReplicaSet{})
	s.add("StatefulSet", &appsv1.StatefulSet{})
	return s
}

// add puts a settled informer where the factory keeps the one of this kind, before anybody asks for it.
func (s *settledInformers) add(kind string, example runtime.Object) {
	informer := &settledInformer{
		SharedIndexInformer: cache.NewSharedIndexInformer(&cache.ListWatch{}, example, 0,
			cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}),
	}
	s.factory.InformerFor(example, func(kubernetes.Interface, time.Duration) cache.SharedIndexInformer { return informer })
	s.byKind[kind] = informer
}

func (s *settledInformers) replace(c *cluster) error {
	for kind, informer := range s.byKind {
		if err := informer.replace(c.others[kind]); err != nil {
			return err
		}
	}
	return nil
}
