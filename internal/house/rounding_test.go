package house

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// exactPackages are those whose numbers have conventions: zeros of equal terms, values
// that are symmetric, ties.
var exactPackages = []string{
	"internal/simd", "internal/simd/gemm", "internal/trellis", "catalogue", "loss", "ebm/functional", "seq/lattice", "seq/ctc",
	"engine/autodiff", "loss/pair", "search/retrieval", "search/index", "ebm/energy", "ebm/sampler", "ebm/objective", "ebm/offender", "engine/optim", "engine/nn", "train",
}

// fusedDifference is a line of arm64's assembly that rounds once for c − a·b or its negative.
var fusedDifference = regexp.MustCompile(`\(([^()\s]*\.go:\d+)\)\s+FN?MSUB[SD]\s|\(([^()\s]*\.go:\d+)\)\s+FNMADD[SD]\s`)

// TestNoFusedDifferences: where a product is taken from something, it is rounded first, as
// float64(a*b), on every machine. On arm64 the compiler may leave that out otherwise, and
// what should be 0 is the product's rounding error.
func TestNoFusedDifferences(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another machine")
	}
	args := []string{"build", "-gcflags=" + module + "...=-S"}
	for _, p := range exactPackages {
		args = append(args, module+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build for arm64: %v\n%.2000s", err, out)
	}
	if !regexp.MustCompile(`\sFMADDD\s`).Match(out) {
		t.Fatal("the compiler fuses nothing at all: this test looks for the wrong instructions")
	}
	seen := map[string]bool{}
	for _, m := range fusedDifference.FindAllSubmatch(out, -1) {
		if at := string(m[1]) + string(m[2]); !seen[at] {
			seen[at] = true
			t.Errorf("%s: a product is taken from a number without being rounded; write float64(a*b)", at)
		}
	}
}
