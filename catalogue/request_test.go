package catalogue

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
)

// TestRequests: the request of every loss is answered, and its Go lines are Go.
func TestRequests(t *testing.T) {
	names := []string{}
	for _, e := range loss.Catalogue() {
		names = append(names, e.Name)
	}
	for _, e := range functional.Catalogue() {
		names = append(names, prefix+e.Name)
	}
	for _, name := range names {
		called, r, err := RequestOf(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer := string(Answer(nil, []byte(Line(called, r)))); !strings.Contains(answer, `"loss":{`) {
			t.Errorf("%s is answered by %s", Line(called, r), answer)
		}
		program := "package p\nfunc f() error {\n" + GoLines(called, r) + "return nil\n}\n"
		if _, err := parser.ParseFile(token.NewFileSet(), "", program, 0); err != nil {
			t.Errorf("%v in %s", err, program)
		}
	}
	if _, _, err := RequestOf("hubr", nil); err == nil {
		t.Error("hubr has a request")
	}
}

// TestOptionsWritten: options are written as they are read.
func TestOptionsWritten(t *testing.T) {
	_, r, err := RequestOf("triplet", map[string]any{"p": 3.0, "swap": true, "reduction": "sum"})
	if line := Line("TripletMarginLoss", r); err != nil || !strings.HasPrefix(line, `{"loss":"TripletMarginLoss","options":{"p":3,"reduction":"sum","swap":true},"inputs":{"anchor":{"shape":[2],`) {
		t.Errorf("%s, %v", line, err)
	}
}
