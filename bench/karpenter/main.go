// Runs Karpenter's own scheduler on the pods of its own scheduling benchmark, and writes down both the question and the
// answer: the pods, what could be bought, which nodes Karpenter would buy, and how long it thought about it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	fakeclient "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/fake"
	"sigs.k8s.io/karpenter/pkg/controllers/provisioning/scheduling"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"
	"sigs.k8s.io/karpenter/pkg/operator/logging"
	"sigs.k8s.io/karpenter/pkg/operator/options"
	"sigs.k8s.io/karpenter/pkg/test"
)

const (
	pool          = "default"
	instanceTypes = 400
	// How many goroutines try nodes, in Karpenter's own benchmark.
	concurrency = 5
)

// written is what this program writes.
type written struct {
	Pods      []*corev1.Pod `json:"pods"`
	Offers    []offer       `json:"offers"`
	Karpenter answer        `json:"karpenter"`
}

// offer is a node that could be bought.
type offer struct {
	InstanceType string  `json:"instanceType"`
	Zone         string  `json:"zone"`
	CapacityType string  `json:"capacityType"`
	UsdPerHour   float64 `json:"usdPerHour"`
	Millicores   int64   `json:"millicores"`
	Bytes        int64   `json:"bytes"`
	Pods         int64   `json:"pods"`
}

// answer is what Karpenter would buy.
type answer struct {
	Seconds    float64 `json:"seconds"`
	Nodes      int     `json:"nodes"`
	Unplaced   int     `json:"unplaced"`
	UsdPerHour float64 `json:"usdPerHour"`
}

func main() {
	count := flag.Int("pods", 1000, "how many pods")
	seed := flag.Int64("seed", 42, "the seed of the pods")
	flag.Parse()
	log.SetLogger(logging.NopLogger)
	types := fake.InstanceTypes(instanceTypes)
	pods := diversePods(*seed, *count)
	// Solving sorts its pods in place; what is written keeps the order in which they were drawn.
	found, err := solve(types, slices.Clone(pods))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	if err := json.NewEncoder(out).Encode(written{Pods: pods, Offers: offers(types), Karpenter: found}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out.Flush()
}

// solve asks Karpenter as its benchmark does: one node pool of all types, an empty cluster, and only the solving timed.
func solve(types []*cloudprovider.InstanceType, pods []*corev1.Pod) (answer, error) {
	ctx := options.ToContext(injection.WithControllerName(context.Background(), "provisioner"), test.Options())
	limits := v1.Limits{
		corev1.ResourceCPU:    resource.MustParse("10000000"),
		corev1.ResourceMemory: resource.MustParse("10000000Gi"),
	}
	nodePool := test.NodePool(v1.NodePool{Spec: v1.NodePoolSpec{Limits: limits}})
	nodePool.Name = pool
	nodePools := []*v1.NodePool{nodePool}
	byPool := map[string][]*cloudprovider.InstanceType{pool: types}

	provider := fake.NewCloudProvider()
	provider.InstanceTypes = types
	client, now := fakeclient.NewFakeClient(), &clock.RealClock{}
	cluster := state.NewCluster(now, client, provider)
	threads := scheduling.NumConcurrentReconciles(concurrency)
	topology, err := scheduling.NewTopology(ctx, client, cluster, nil, nodePools, byPool, pods, threads)
	if err != nil {
		return answer{}, fmt.Errorf("making the topology: %w", err)
	}
	recorder := events.NewRecorder(&record.FakeRecorder{})
	scheduler := scheduling.NewScheduler(ctx, client, nodePools, cluster, nil, topology, byPool, nil, recorder, now, nil, nil, threads)

	started := time.Now()
	results, err := scheduler.Solve(ctx, pods)
	seconds := time.Since(started).Seconds()
	if err != nil {
		return answer{}, fmt.Errorf("solving: %w", err)
	}
	found := answer{Seconds: seconds, Nodes: len(results.NewNodeClaims), Unplaced: len(results.PodErrors)}
	for _, claim := range results.NewNodeClaims {
		found.UsdPerHour += cheapest(claim)
	}
	return found, nil
}

// cheapest is the price of the cheapest node that the claim allows.
func cheapest(claim *scheduling.NodeClaim) float64 {
	least := -1.0
	for _, kind := range claim.InstanceTypeOptions {
		offerings := kind.Offerings.Available().Compatible(claim.Requirements)
		if len(offerings) == 0 {
			continue
		}
		if price := offerings.Cheapest().Price; least < 0 || price < least {
			least = price
		}
	}
	return least
}

func offers(types []*cloudprovider.InstanceType) []offer {
	var all []offer
	for _, kind := range types {
		room := kind.Allocatable()
		for _, offering := range kind.Offerings.Available() {
			all = append(all, offer{
				InstanceType: kind.Name,
				Zone:         offering.Zone(),
				CapacityType: offering.CapacityType(),
				UsdPerHour:   offering.Price,
				Millicores:   room.Cpu().MilliValue(),
				Bytes:        room.Memory().Value(),
				Pods:         room.Pods().Value(),
			})
		}
	}
	return all
}
