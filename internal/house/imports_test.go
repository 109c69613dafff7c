// Package house holds tests of the tree itself.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/energo-ml/energo/"

// allowed says which packages of ours each may import: docs/design.md in code.
// A package that is not here fails the test, so that a new one gets a place.
var allowed = map[string][]string{
	".":                      {},
	"internal/excerpt":       {},
	"internal/notices":       {},
	"internal/notices/write": {},
	"internal/simd":          {},
	"internal/simd/gemm":     {"internal/simd"},
	"internal/trellis":       {"internal/simd"},
	"internal/wholefile":     {},
	"internal/spelling":      {},
	"internal/card":          {"internal/excerpt", "internal/wholefile"},
	"internal/flock":         {},
	"internal/bytetext":      {},
	"measure":                {},
	"tensor":                 {"internal/simd", "internal/wholefile", "internal/excerpt"},
	"autodiff":               {"tensor", "internal/simd", "internal/simd/gemm"},
	"internal/gradcheck":     {"tensor", "autodiff"},
	"nn":                     {"tensor", "autodiff", "internal/simd"},
	"optim":                  {"tensor", "autodiff", "internal/simd", "internal/excerpt"},
	"functional":             {"internal/simd", "internal/spelling", "internal/excerpt"},
	"loss":                   {"internal/simd", "internal/simd/gemm", "internal/spelling", "internal/trellis", "internal/excerpt"},
	"ngram":                  {"internal/wholefile", "internal/excerpt"},
	"internal/lossline":      {"internal/simd", "loss", "functional", "internal/excerpt"},
	"energy":                 {"internal/simd", "internal/simd/gemm", "tensor", "autodiff", "nn", "functional", "sampler"},
	"offender":               {"energy", "sampler"},
	"sampler":                {"internal/simd"},
	"lattice":                {"internal/simd"},
	"audio":                  {"internal/simd", "internal/wholefile", "internal/excerpt"},
	"objective":              {"energy", "functional", "sampler", "tensor", "autodiff", "internal/simd"},
	"surface":                {"tensor", "internal/excerpt"},
	"data":                   {"tensor", "internal/wholefile", "internal/excerpt"},
	"train":                  {"measure", "internal/simd", "internal/wholefile", "tensor", "autodiff", "nn", "optim", "functional", "energy", "offender", "data", "internal/excerpt"},
	"ctc":                    {"internal/simd", "internal/trellis", "lattice", "ngram", "internal/excerpt"},
	"job/option":             {"internal/excerpt", "internal/spelling"},
	"job":                    {"measure", "internal/card", "internal/excerpt", "internal/flock", "internal/simd", "internal/wholefile", "job/option", "optim", "train"},
	"jobs":                   {"autodiff", "data", "functional", "job", "job/option", "loss", "measure", "nn", "tensor", "train"},
	"recipe":                 {"job", "measure", "internal/card", "pair", "retrieval", "lattice", "ctc", "ngram", "audio", "surface", "objective", "loss", "sampler", "internal/simd", "internal/spelling", "internal/wholefile", "tensor", "autodiff", "nn", "optim", "functional", "energy", "offender", "data", "train", "internal/excerpt"},
	"index":                  {"internal/flock", "internal/simd", "internal/wholefile", "internal/excerpt"},
	"index/weaviate":         {"index", "internal/excerpt"},
	"index/indextest":        {"index"},
	"embed":                  {"job", "internal/card", "tensor", "index", "serve", "recipe", "data", "internal/wholefile", "internal/bytetext", "internal/excerpt"},
	"pair":                   {"internal/simd", "internal/simd/gemm"},
	"retrieval":              {"internal/simd", "internal/simd/gemm", "pair"},
	"report":                 {"measure", "pair", "retrieval", "surface", "internal/wholefile", "tensor", "train", "functional", "internal/excerpt"},
	"serve":                  {"index", "data", "internal/excerpt"},
	"internal/cli":           {"job", "job/option", "jobs", "internal/notices", "measure", "internal/card", "pair", "index", "index/weaviate", "serve", "retrieval", "audio", "ctc", "ngram", "surface", "internal/lossline", "loss", "internal/simd", "internal/spelling", "internal/wholefile", "data", "functional", "train", "recipe", "report", "internal/bytetext"},
	"cmd/energo":             {"internal/cli"},
	"bench":                  {"internal/simd", "internal/simd/gemm", "tensor", "autodiff", "nn", "optim", "functional", "energy", "loss", "sampler", "objective", "index"},
	"bench/serve":            {"index", "recipe", "serve"},
	"internal/house":         {},
	"internal/mutation":      {},
}

type goPackage struct {
	ImportPath, Name string
	Imports          []string
}

// TestImportRules holds every import of ours against the table.
func TestImportRules(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name+"/" == module { // the front door holds examples alone
			name = "."
		}
		may, ok := allowed[name]
		if !ok {
			t.Errorf("package %s has no row in the table of imports", name)
			continue
		}
		for _, imp := range p.Imports {
			ours, ok := strings.CutPrefix(imp, module)
			if ok && !slices.Contains(may, ours) {
				t.Errorf("%s must not import %s; it may import %v", name, ours, may)
			}
		}
	}
}

func list(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
