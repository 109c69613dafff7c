package mutation

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the tree's.
const root = "../.."

// readerName is what functions that read files are called.
var readerName = regexp.MustCompile(`^(Read|Open|Load|Decode|Parse|Manifest|Times|NamedIn|RunConfig|RunRecipe)`)

// elsewhere are functions of such names that the table leaves out, and why.
var elsewhere = map[string]string{
	"seq/read.OpenEmitter":           "seq/read.Open, or seq/read.ONNXEmitter",
	"serve/speech.Open":              "seq/read.OpenEmitter",
	"search/encode.OpenRunBase":      "search/encode.ReopenBase",
	"serve/speech.Service.Ready":     "reads nothing: it asks the models",
	"seq/read.Transcriber.Decode":    "takes numbers in memory",
	"seq/read.Live.Open":             "reads nothing: it gives the words of an open segment",
	"seq/audio.DecodeWithin":         "audio.Decode with limits, which serve/speech's FuzzForm tries",
	"internal/chromium.Open":         "opens a page in tests",
	"search/index.Exact.LoadWords":   "makes words of what search/index.Open read",
	"internal/mapped.Open":           "passes the bytes on",
	"internal/plaintext.Open":        "ngram.Read and others read what it passes on",
	"internal/plaintext.ReadAll":     "passes the text on",
	"internal/plaintext.ReadFile":    "passes the text on",
	"seq/ctc.Decoder.Decode":         "takes numbers in memory",
	"data.LoadPictures":              "ReadPictures twice",
	"data.OpenPicture":               "ReadPicture of a file",
	"job/sweep.ParseAxis":            "takes a flag's text; FuzzParseAxis tries others",
	"search/index.ParseFilter":       "takes a flag's text; FuzzParseFilter tries others",
	"serve.Server.Ready":             "reads nothing: it asks the services",
	"serve/client.OpenFile":          "passes the bytes on",
	"serve/bearer.ParseScopes":       "takes a flag's text, and a part of what serve/bearer.Parse reads",
	"serve/wire.Decode":              "takes a request; FuzzVector and serve/search's FuzzRequest try others",
	"serve/wire.Read":                "takes a request; serve/search's FuzzRequest tries others",
	"search/index/pgvector.Open":     "talks to a server",
	"search/index/remote.Open":       "talks to a server",
	"search/index/weaviate.Open":     "talks to a server",
	"job.Open":                       "job.ReadConfig, the result and the model of a run",
	"seq/read.Reader.Open":           "audio.Read and image.Decode",
	"seq/audio.Loader.Load":          "audio.ReadChannels",
	"seq/audio.ParseChannels":        "takes a flag's text",
	"seq/text.Times":                 "takes words in memory",
	"seq/read.LoadRecordings":        "audio.Manifest and audio.Read",
	"engine/nn.LoadMapped":           "nn.Load with other names",
	"serve/embeddings.Service.Ready": "reads nothing: it asks the models",
	"serve/predict.Service.Ready":    "reads nothing: it asks the models",
	"search/classify.ReadSpec":       "the first half of search/classify.Open",
	"jobs.OpenPictureEnergy":         "job.Open or classify.Open",
	"jobs.OpenClassifier":            "job.ReadConfig, classify.Open or job.Export, and the energies of a run's test pictures",
	"serve/search.Service.Ready":     "reads nothing: it asks the indexes",
	"serve/inference.Service.Ready":  "reads nothing: it asks the models",
	"serve/shelf.Shelf.Ready":        "reads nothing: it says whether a model is there",
}

// spec is Open of a job's settings: readers of package data with settings.
var spec = regexp.MustCompile(`^jobs\.[A-Z]\w*\.Open$`)

// TestEveryReader: a function that is named as readers are, and is exported, has a row
// in the table or says why it has none.
func TestEveryReader(t *testing.T) {
	held := map[string]bool{}
	for _, r := range readers() {
		for _, f := range r.funcs {
			held[f] = true
		}
	}
	var all []string
	functions := exported(t)
	for _, f := range functions {
		name := f[strings.LastIndexByte(f, '.')+1:]
		if !readerName.MatchString(name) || spec.MatchString(f) {
			continue
		}
		all = append(all, f)
		if !held[f] && elsewhere[f] == "" {
			t.Errorf("%s reads, by its name, and has no row in the table of readers", f)
		}
	}
	if len(all) < 30 {
		t.Errorf("only %d readers are there; the search is broken", len(all))
	}
	for f := range held {
		if !slices.Contains(functions, f) {
			t.Errorf("the table names %s, which is not there", f)
		}
	}
	for f := range elsewhere {
		if !slices.Contains(all, f) {
			t.Errorf("%s is left out, and is not there", f)
		}
	}
}

// exported lists the exported functions and methods of the library's packages, and of those internal ones
// that read: "data.ReadTokens", "seq/read.Reader.Open".
func exported(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if e.IsDir() && (strings.HasPrefix(e.Name(), "_") || e.Name() == "testdata" || rel == "cmd" || rel == "bench" || rel != "." && strings.HasPrefix(e.Name(), ".")) {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if of := receiver(f); of == "" || ast.IsExported(of) {
				names = append(names, filepath.ToSlash(filepath.Dir(rel))+"."+of+f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// receiver is the name of a method's type and a point.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	x := f.Recv.List[0].Type
	for {
		switch of := x.(type) {
		case *ast.StarExpr:
			x = of.X
		case *ast.IndexExpr:
			x = of.X
		case *ast.Ident:
			return of.Name + "."
		default:
			return "?."
		}
	}
}
