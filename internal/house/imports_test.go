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
	".":                             {},
	"internal/bytetext":             {},
	"internal/chromium":             {},
	"internal/card":                 {"internal/excerpt", "internal/spelling", "internal/wholefile"},
	"internal/excerpt":              {},
	"internal/flock":                {},
	"internal/house":                {},
	"internal/mutation":             {},
	"internal/notices":              {},
	"internal/npy":                  {"internal/excerpt"},
	"internal/notices/write":        {},
	"internal/peer":                 {"internal/excerpt"},
	"internal/pickle":               {"internal/excerpt"},
	"internal/mapped":               {},
	"internal/jpeg":                 {},
	"internal/picture":              {"internal/jpeg"},
	"internal/plaintext":            {},
	"internal/scratch":              {},
	"internal/simd":                 {},
	"internal/simd/gemm":            {"internal/simd"},
	"internal/spelling":             {},
	"internal/trellis":              {"internal/simd"},
	"internal/wholefile":            {},
	"engine/autodiff":               {"internal/simd", "internal/simd/gemm", "engine/tensor"},
	"engine/autodiff/gradcheck":     {"engine/autodiff", "engine/tensor"},
	"engine/nn":                     {"internal/excerpt", "internal/simd", "engine/autodiff", "engine/tensor"},
	"engine/onnx":                   {"internal/simd", "engine/autodiff", "engine/tensor", "engine/onnx/format", "engine/onnx/huggingface", "engine/onnx/op", "engine/onnx/value"},
	"engine/onnx/conformance":       {"engine/onnx", "engine/onnx/format", "engine/onnx/value"},
	"engine/onnx/export":            {"engine/autodiff", "engine/nn", "engine/tensor", "engine/onnx/format"},
	"engine/onnx/export/exporttest": {"engine/onnx", "engine/onnx/export", "engine/onnx/format", "engine/onnx/value"},
	"engine/onnx/format":            {"internal/excerpt", "internal/wholefile"},
	"engine/onnx/surround":          {"engine/onnx/format", "engine/onnx/value"},
	"engine/onnx/huggingface":       {"internal/excerpt", "engine/onnx/export", "engine/onnx/format", "engine/tensor"},
	"engine/onnx/op":                {"internal/simd", "internal/simd/gemm", "internal/spelling", "engine/onnx/format", "engine/onnx/value"},
	"engine/onnx/value":             {"internal/npy", "internal/wholefile", "engine/onnx/format"},
	"engine/optim":                  {"internal/excerpt", "internal/simd", "engine/autodiff", "engine/tensor"},
	"engine/tensor":                 {"internal/excerpt", "internal/pickle", "internal/simd", "internal/wholefile"},
	"loss":                          {"internal/excerpt", "internal/simd", "internal/simd/gemm", "internal/trellis", "engine/tensor", "loss/distance", "loss/pair"},
	"loss/distance":                 {"internal/excerpt", "internal/simd", "internal/spelling", "engine/tensor"},
	"loss/pair":                     {"internal/simd", "internal/simd/gemm", "engine/tensor", "loss/distance"},
	"ebm/energy":                    {"internal/excerpt", "internal/simd", "internal/simd/gemm", "engine/autodiff", "engine/nn", "engine/onnx/export", "engine/tensor", "loss", "ebm/functional", "ebm/sampler"},
	"ebm/functional":                {"internal/excerpt", "internal/simd", "internal/spelling", "engine/tensor"},
	"ebm/measure":                   {},
	"ebm/objective":                 {"internal/simd", "engine/autodiff", "engine/tensor", "ebm/energy", "ebm/functional", "ebm/sampler"},
	"ebm/offender":                  {"ebm/sampler"},
	"ebm/sampler":                   {"internal/simd", "engine/tensor"},
	"ebm/surface":                   {"internal/excerpt", "internal/wholefile", "engine/tensor"},
	"ebm/watch":                     {"internal/excerpt", "engine/tensor"},
	"data":                          {"internal/excerpt", "internal/npy", "internal/picture", "internal/plaintext", "internal/wholefile", "engine/tensor"},
	"data/toy":                      {"internal/excerpt"},
	"data/tabular":                  {"internal/card", "internal/excerpt", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/onnx/export", "engine/onnx/format", "engine/tensor", "loss", "ebm/energy", "ebm/functional", "ebm/measure", "data"},
	"train":                         {"internal/excerpt", "internal/simd", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/optim", "engine/tensor", "loss", "ebm/energy", "ebm/functional", "ebm/measure", "ebm/objective", "ebm/watch"},
	"train/lesson":                  {"internal/simd", "engine/autodiff", "engine/nn", "engine/optim", "engine/tensor", "ebm/energy", "ebm/functional", "ebm/measure", "ebm/objective", "ebm/offender", "ebm/sampler", "ebm/surface", "data/toy", "train"},
	"seq/answers":                   {"internal/simd", "internal/trellis", "engine/tensor", "ebm/functional", "seq/lattice"},
	"seq/audio":                     {"internal/excerpt", "internal/plaintext", "internal/simd", "internal/wholefile"},
	"seq/ctc":                       {"internal/excerpt", "internal/simd"},
	"seq/lattice":                   {"internal/simd", "engine/tensor"},
	"seq/ngram":                     {"internal/excerpt", "internal/mapped", "internal/plaintext", "internal/wholefile"},
	"seq/read":                      {"internal/card", "internal/excerpt", "internal/simd", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/onnx", "engine/onnx/export", "engine/onnx/format", "engine/onnx/huggingface", "engine/onnx/surround", "engine/onnx/value", "engine/tensor", "loss", "ebm/functional", "data", "train", "seq/answers", "seq/audio", "seq/ctc", "seq/token"},
	"seq/read/readtest":             {"engine/tensor", "seq/audio", "seq/read"},
	"seq/token":                     {"internal/excerpt", "internal/plaintext", "internal/spelling"},
	"seq/timedtext":                 {"seq/ctc", "seq/text"},
	"seq/text":                      {"internal/excerpt", "seq/ctc"},
	"seq/sentence":                  {"internal/excerpt", "internal/simd", "engine/onnx", "engine/onnx/huggingface", "engine/onnx/value", "seq/token"},
	"seq/tag":                       {"internal/card", "internal/excerpt", "internal/simd", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/onnx/export", "engine/onnx/format", "engine/tensor", "ebm/functional", "ebm/measure", "data", "seq/answers", "seq/lattice"},
	"search/bulk":                   {"internal/bytetext", "internal/card", "internal/excerpt", "internal/flock", "internal/npy", "internal/wholefile", "engine/tensor", "data", "loss/distance", "search/encode", "search/index"},
	"search/classify":               {"internal/card", "internal/simd", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/onnx/export", "engine/onnx/format", "engine/onnx/surround", "loss/distance", "ebm/energy", "data", "train", "search/encode", "engine/onnx", "engine/onnx/huggingface"},
	"search/collection":             {"internal/bytetext", "internal/card", "internal/excerpt", "internal/wholefile", "ebm/measure", "data", "train", "loss/distance", "search/encode", "search/index", "search/retrieval"},
	"search/encode":                 {"internal/card", "internal/excerpt", "internal/simd", "internal/spelling", "internal/wholefile", "engine/autodiff", "engine/nn", "engine/onnx", "engine/onnx/export", "engine/onnx/format", "engine/onnx/huggingface", "engine/onnx/surround", "engine/onnx/value", "engine/tensor", "data", "train", "loss/distance"},
	"search/lexical":                {},
	"search/index":                  {"internal/excerpt", "internal/flock", "internal/mapped", "internal/simd", "internal/wholefile", "loss/distance", "search/lexical"},
	"search/index/indextest":        {"loss/distance", "search/index"},
	"search/index/pgvector":         {"internal/excerpt", "loss/distance", "search/index"},
	"search/index/remote":           {"search/index", "search/index/pgvector", "search/index/weaviate"},
	"search/index/weaviate":         {"internal/excerpt", "loss/distance", "search/index"},
	"search/vectors":                {"internal/excerpt", "internal/npy", "internal/plaintext", "internal/spelling", "internal/wholefile", "engine/tensor", "search/collection", "search/index"},
	"search/retrieval":              {"internal/simd", "internal/simd/gemm", "ebm/functional", "ebm/measure", "loss/distance", "loss/pair"},
	"catalogue":                     {"internal/excerpt", "internal/simd", "loss", "ebm/functional"},
	"report":                        {"internal/card", "internal/excerpt", "internal/wholefile", "engine/tensor", "ebm/functional", "ebm/measure", "ebm/surface", "train", "loss/distance", "loss/pair", "search/retrieval"},
	"report/tensorboard":            {"internal/wholefile", "engine/tensor", "train", "report"},
	"job":                           {"internal/card", "internal/excerpt", "internal/flock", "internal/simd", "internal/wholefile", "engine/onnx/export", "engine/optim", "ebm/measure", "train", "report", "job/option"},
	"job/option":                    {"internal/excerpt", "internal/spelling"},
	"job/sweep":                     {"internal/card", "internal/excerpt", "ebm/measure", "train", "report", "job", "job/option"},
	"jobs":                          {"internal/excerpt", "internal/simd", "engine/autodiff", "engine/nn", "engine/onnx/export", "engine/optim", "engine/tensor", "loss", "ebm/energy", "ebm/functional", "ebm/measure", "ebm/objective", "ebm/sampler", "ebm/surface", "ebm/watch", "data", "data/tabular", "data/toy", "train", "train/lesson", "seq/answers", "seq/audio", "seq/ctc", "seq/read", "seq/tag", "loss/distance", "search/classify", "search/encode", "loss/pair", "search/retrieval", "report", "job", "job/option", "internal/card"},
	"serve/wire":                    {"internal/excerpt"},
	"serve/openapi":                 {},
	"serve/bearer":                  {"internal/excerpt"},
	"serve/shelf":                   {"serve/wire"},
	"serve":                         {"data", "serve/bearer", "serve/openapi", "serve/wire"},
	"serve/client":                  {"internal/excerpt", "search/index", "seq/ctc"},
	"serve/internal/pages":          {"serve"},
	"serve/search":                  {"serve/internal/pages", "data", "loss/distance", "search/index", "search/retrieval", "serve", "serve/bearer", "serve/openapi", "serve/shelf", "serve/wire"},
	"serve/studio":                  {"internal/excerpt", "data", "seq/answers", "seq/audio", "seq/ctc", "seq/read", "seq/text", "serve/shelf", "serve/internal/pages", "job", "jobs", "search/classify", "search/index", "serve/search", "internal/card", "internal/flock", "internal/notices", "ebm/measure", "ebm/surface", "ebm/watch", "report", "train", "serve", "serve/bearer", "serve/openapi", "serve/studio/answer", "serve/wire", "train/lesson"},
	"serve/studio/answer":           {"catalogue", "ebm/functional", "ebm/measure", "ebm/surface", "loss", "seq/answers", "seq/ctc", "serve/wire", "train/lesson"},
	"serve/predict":                 {"internal/excerpt", "data", "data/tabular", "search/classify", "seq/tag", "serve", "serve/bearer", "serve/openapi", "serve/shelf", "serve/wire"},
	"serve/embeddings":              {"serve", "serve/bearer", "serve/openai", "serve/openapi", "serve/shelf", "serve/wire"},
	"serve/internal/openapitest":    {},
	"serve/openai":                  {"serve", "serve/openapi", "serve/wire"},
	"serve/inference":               {"internal/excerpt", "engine/onnx", "engine/onnx/format", "engine/onnx/value", "serve", "serve/bearer", "serve/openapi", "serve/shelf", "serve/wire"},
	"cmd/energo":                    {"cmd/energo/cli"},
	"cmd/energo/cli":                {"internal/card", "internal/excerpt", "internal/flock", "internal/notices", "internal/plaintext", "internal/simd", "internal/spelling", "internal/wholefile", "engine/onnx", "engine/onnx/conformance", "engine/onnx/format", "engine/onnx/huggingface", "engine/onnx/value", "loss", "ebm/functional", "ebm/measure", "ebm/surface", "data", "train", "loss/distance", "seq/audio", "seq/ctc", "seq/ngram", "seq/read", "seq/tag", "seq/text", "seq/timedtext", "seq/token", "search/collection", "search/encode", "search/index", "search/index/remote", "search/vectors", "catalogue", "report", "job", "job/option", "jobs", "serve", "serve/bearer", "serve/inference", "serve/search", "serve/shelf", "serve/studio", "job/sweep", "report/tensorboard", "data/tabular", "search/classify", "seq/sentence", "serve/embeddings", "serve/predict", "serve/openai", "serve/speech", "serve/wire", "serve/client"},
	"serve/speech":                  {"internal/excerpt", "engine/onnx", "seq/audio", "seq/ctc", "seq/read", "seq/text", "seq/timedtext", "serve", "serve/bearer", "serve/openai", "serve/openapi", "serve/shelf", "serve/wire"},
	"bench":                         {"internal/peer", "internal/simd", "internal/simd/gemm", "engine/autodiff", "engine/nn", "engine/onnx", "engine/onnx/value", "engine/optim", "engine/tensor", "loss", "ebm/energy", "ebm/functional", "ebm/objective", "ebm/sampler", "search/index"},
	"bench/align":                   {"seq/ctc"},
	"bench/decode":                  {"internal/peer", "seq/ctc", "seq/ngram"},
	"bench/picture":                 {"data"},
	"bench/nearest":                 {"search/index"},
	"bench/speech":                  {"internal/peer", "seq/audio", "seq/read/readtest", "serve", "serve/speech"},
	"bench/infer":                   {"internal/peer", "engine/onnx", "serve", "serve/client", "serve/inference"},
	"bench/serve":                   {"search/encode", "search/index", "serve", "serve/search"},
}

// floors are the folders at the root, from the ground up. A package imports from its own floor and from those below.
var floors = []string{"internal", "engine", "loss", "ebm", "data", "train", "seq", "search", "catalogue", "report", "job", "jobs", "serve", "cmd", "bench"}

// TestFloors: no import runs up.
func TestFloors(t *testing.T) {
	floor := func(name string) int { return slices.Index(floors, strings.SplitN(name, "/", 2)[0]) }
	for name, imports := range allowed {
		for _, ours := range imports {
			if name != "." && floor(name) < 0 || floor(ours) < 0 {
				t.Errorf("%s or %s stands on no floor of %v", name, ours, floors)
			}
			if floor(ours) > floor(name) {
				t.Errorf("%s imports %s, which stands above it", name, ours)
			}
		}
	}
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
