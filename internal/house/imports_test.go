// Package house holds tests of the tree itself.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/energo-ml/energo/"

// ground is what every package may import, and what imports nothing of ours.
var ground = []string{"internal/scratch"}

// allowed says which packages of ours each may import: docs/design.md in code.
// A package that is not here fails the test, so that a new one gets a place.
var allowed = map[string][]string{
	".":                      {},
	"internal/excerpt":       {},
	"internal/notices":       {},
	"internal/notices/write": {},
	"internal/simd":          {},
	"internal/simd/gemm":     {"internal/simd"},
	"internal/scratch":       {},
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
	"functional":             {"tensor", "internal/simd", "internal/spelling", "internal/excerpt"},
	"loss":                   {"tensor", "pair", "internal/simd", "internal/simd/gemm", "internal/trellis", "internal/excerpt"},
	"ngram":                  {"internal/wholefile", "internal/excerpt"},
	"internal/lossline":      {"internal/simd", "loss", "functional", "internal/excerpt"},
	"energy":                 {"internal/simd", "internal/simd/gemm", "tensor", "autodiff", "nn", "functional", "sampler"},
	"offender":               {"sampler"},
	"sampler":                {"tensor", "internal/simd"},
	"lattice":                {"tensor", "internal/simd"},
	"seq/answers":            {"internal/trellis", "tensor", "functional", "internal/simd", "lattice"},
	"audio":                  {"internal/simd", "internal/wholefile", "internal/excerpt"},
	"objective":              {"energy", "functional", "sampler", "tensor", "autodiff", "internal/simd"},
	"surface":                {"tensor", "internal/excerpt"},
	"data":                   {"tensor", "internal/wholefile", "internal/excerpt"},
	"data/tabular":           {"autodiff", "data", "energy", "functional", "internal/card", "internal/excerpt", "internal/wholefile", "loss", "measure", "nn", "tensor"},
	"train":                  {"measure", "internal/simd", "internal/wholefile", "tensor", "autodiff", "nn", "optim", "functional", "energy", "loss", "objective", "internal/excerpt"},
	"ctc":                    {"internal/simd", "internal/trellis", "internal/excerpt"},
	"job/option":             {"internal/excerpt", "internal/spelling"},
	"job":                    {"measure", "report", "internal/card", "internal/excerpt", "internal/flock", "internal/simd", "internal/wholefile", "job/option", "optim", "train"},
	"jobs":                   {"audio", "autodiff", "ctc", "data", "data/tabular", "energy", "functional", "internal/excerpt", "internal/simd", "job", "job/option", "lattice", "loss", "measure", "nn", "objective", "offender", "optim", "pair", "report", "retrieval", "sampler", "search/distance", "search/encode", "seq/answers", "seq/read", "seq/tag", "surface", "tensor", "train"},
	"jobs/command":           {"internal/cli", "job"},
	"seq/tag":                {"measure", "internal/card", "lattice", "internal/simd", "internal/wholefile", "tensor", "autodiff", "nn", "data", "internal/excerpt"},
	"search/encode":          {"internal/card", "internal/excerpt", "internal/simd", "internal/spelling", "internal/wholefile", "tensor", "autodiff", "nn", "data", "train"},
	"seq/read":               {"functional", "seq/answers", "ctc", "audio", "loss", "internal/card", "internal/excerpt", "internal/simd", "internal/wholefile", "tensor", "autodiff", "nn", "data", "train"},
	"index":                  {"internal/flock", "internal/simd", "internal/wholefile", "internal/excerpt"},
	"index/weaviate":         {"index", "internal/excerpt"},
	"index/indextest":        {"index"},
	"embed":                  {"job", "internal/card", "tensor", "index", "serve", "search/encode", "data", "internal/wholefile", "internal/bytetext", "internal/excerpt"},
	"search/distance":        {"tensor", "internal/excerpt", "internal/simd"},
	"pair":                   {"tensor", "internal/simd", "internal/simd/gemm", "search/distance"},
	"retrieval":              {"internal/simd", "internal/simd/gemm", "pair", "search/distance"},
	"report":                 {"search/distance", "measure", "pair", "retrieval", "surface", "internal/wholefile", "tensor", "train", "functional", "internal/excerpt", "internal/card"},
	"serve":                  {"index", "data", "internal/excerpt"},
	"internal/cli":           {"job", "job/option", "jobs", "seq/tag", "internal/notices", "measure", "internal/card", "search/distance", "index", "index/weaviate", "serve", "retrieval", "audio", "ctc", "ngram", "surface", "internal/lossline", "loss", "internal/simd", "internal/spelling", "internal/wholefile", "data", "functional", "train", "report", "internal/bytetext", "search/encode", "seq/read"},
	"cmd/energo":             {"internal/cli"},
	"bench":                  {"internal/simd", "internal/simd/gemm", "tensor", "autodiff", "nn", "optim", "functional", "energy", "loss", "sampler", "objective", "index"},
	"bench/serve":            {"index", "search/encode", "serve"},
	"internal/house":         {},
	"internal/mutation":      {},
}

type goPackage struct {
	ImportPath, Name string
	Imports          []string
}

// TestImportRules holds every import of ours against the table, and the table against the imports.
func TestImportRules(t *testing.T) {
	rows := maps.Clone(allowed)
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
			if ok && !slices.Contains(may, ours) && !slices.Contains(ground, ours) {
				t.Errorf("%s must not import %s; it may import %v and %v", name, ours, may, ground)
			}
		}
		for _, ours := range may {
			if !slices.Contains(p.Imports, module+ours) || slices.Contains(ground, ours) {
				t.Errorf("the table lets %s import %s, which it does not, or which all may; remove it from the row", name, ours)
			}
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("the table has a row for package %s, which does not exist", name)
	}
	for _, name := range ground {
		if len(allowed[name]) > 0 {
			t.Errorf("all may import %s, so it may import none of %v", name, allowed[name])
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
