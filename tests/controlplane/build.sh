#!/usr/bin/env bash
# Builds the programs of a Kubernetes control plane, and the oracle, into bin/. Without arguments all that the tests need,
# else those named. Programs that are up to date are left alone.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p bin

# Without these the programs call themselves v0.0.0, and both the API server and one scheduler plugin act by their version.
version=v1.36.1
package=k8s.io/component-base/version
ldflags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=36"

# build NAME PACKAGE SOURCES...: SOURCES are our own files that the program is made from.
build() {
    local name=$1 package=$2
    shift 2
    local stamp
    stamp=$({ go version; echo "$ldflags $package"; cat go.mod go.sum "$@"; } | sha256sum)
    if [[ -x bin/$name && -f bin/.$name.stamp && $(<"bin/.$name.stamp") == "$stamp" ]]; then
        return
    fi
    echo "building $name" >&2
    go build -ldflags "$ldflags" -o "bin/$name.new" "$package"
    # Renaming keeps a half-written file from being taken for the program, and a running program from being written over.
    mv "bin/$name.new" "bin/$name"
    echo "$stamp" >"bin/.$name.stamp"
}

programs=("$@")
if [[ ${#programs[@]} -eq 0 ]]; then
    programs=(oracle etcd kube-apiserver kube-scheduler kube-controller-manager kubectl kwok metrics-server helm karpenter)
fi
for program in "${programs[@]}"; do
    case $program in
        oracle) build oracle ./oracle oracle/*.go ;;
        etcd) build etcd go.etcd.io/etcd/server/v3 ;;
        kube-apiserver | kube-scheduler | kube-controller-manager | kubectl) build "$program" "k8s.io/kubernetes/cmd/$program" ;;
        kwok) build kwok sigs.k8s.io/kwok/cmd/kwok ;;
        metrics-server) build metrics-server sigs.k8s.io/metrics-server/cmd/metrics-server ;;
        helm) build helm helm.sh/helm/v3/cmd/helm ;;
        karpenter) build karpenter sigs.k8s.io/karpenter/kwok ;;
        *)
            echo "build.sh: no program called $program" >&2
            exit 2
            ;;
    esac
done
