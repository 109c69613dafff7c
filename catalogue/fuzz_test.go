package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/energo-ml/energo/loss"
)

var seeds = []string{
	`{"id":"a","loss":"BCEWithLogitsLoss","dtype":"float32","options":{"pos_weight":{"shape":[3],"data":[1,2,3]}},"inputs":{"input":{"shape":[1,3],"data":[0,"NaN","-Infinity"]},"target":{"shape":[1,3],"data":[1,1,0]}}}`,
	`{"id":1,"loss":"CrossEntropyLoss","options":{"label_smoothing":0.1,"ignore_index":-1},"inputs":{"input":{"shape":[2,3,2],"data":[1,2,3,4,5,6,7,8,9,10,11,12]},"target":{"shape":[2,2],"data":[0,1,2,-1]}}}`,
	`{"loss":"TripletMarginLoss","options":{"p":"Infinity","swap":true},"inputs":{"anchor":{"shape":[2],"data":[1,2]},"positive":{"shape":[2],"data":[1e400,2]},"negative":{"shape":[2],"data":[0,-0]}}}`,
	`{"loss":"MultiLabelMarginLoss","inputs":{"input":{"shape":[4],"data":[1,2,3,4]},"target":{"shape":[4],"data":[3,0,-1,-1]}}}`,
	`{"loss":"GaussianNLLLoss","inputs":{"input":{"shape":[2,0],"data":[]},"target":{"shape":[2,0],"data":[]},"var":{"shape":[2,1],"data":[1,1]}}}`,
	`{"loss":"ebm.margin_cost","inputs":{"energies":{"shape":[1,2],"data":[1,2]},"target":{"shape":[1],"data":[0]},"cost":{"shape":[2,2],"data":[0,1,1,0]}}}`,
	`{"id":[1,{}],"loss":"KLDivLoss","options":{"reduction":"batchmean"},"inputs":{"input":{"shape":[2,9223372036854775807],"data":[]},"target":{"shape":[],"data":[1]}}}`,
	`{"loss":"ebm.nll","dtype":"float32","options":{"beta":2,"reduction":"none"},"inputs":{"energies":{"shape":[2,3],"data":[1,2,"Infinity",-1,0,4e38]},"target":{"shape":[2],"data":[0,2]}}}`,
	`{"loss":"MultiMarginLoss","options":{"p":2,"margin":null,"weight":[1,2]},"inputs":{"input":{"shape":[2],"data":[1,2]},"target":{"shape":[],"data":[1]}}} `,
	`{"loss":"BatchTriplet","options":{"mining":"semi_hard_or_farthest","distance":"lp","p":"Infinity"},"inputs":{"embeddings":{"shape":[4,1],"data":[0,1,1,"NaN"]},"labels":{"shape":[4],"data":[0,0,1,-9]}}}`,
	`{"loss":"ArcFace","options":{"margin":3.1,"scale":1e300},"inputs":{"embeddings":{"shape":[2,2],"data":[0,0,1,1e-320]},"labels":{"shape":[2],"data":[0,1]},"weight":{"shape":[2,2],"data":[1,0,0,0]}}}`,
	`{"loss":"ProxyAnchor","dtype":"float32","inputs":{"embeddings":{"shape":[0,2],"data":[]},"labels":{"shape":[0],"data":[]},"proxies":{"shape":[1,2],"data":[1,2]}}}`,
	`{"loss":"BarlowTwins","dtype":"float32","options":{"lambda":1e308},"inputs":{"x":{"shape":[2,2],"data":[1,1,1e38,-1e38]},"y":{"shape":[2,2],"data":[1,1,1,1]}}}`,
	`{"id":"a","id":"b","loss":null,"options":null,"inputs":{"input":{"shape":[-1],"data":[[1]]}}}`,
}

// FuzzAnswer: whatever the line, the answer is one line of JSON with a result or an error.
func FuzzAnswer(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) { answered(t, request) })
}

func answered(t *testing.T, request []byte) {
	t.Helper()
	answer := Answer(nil, request)
	if !utf8.Valid(answer) {
		t.Fatalf("%q is answered by %q, which is not UTF-8", request, answer)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("%q is answered by %q: %v", request, answer, err)
	}
	if bytes.Count(answer, []byte("\n")) != 1 || answer[len(answer)-1] != '\n' {
		t.Fatalf("%q is answered by %q, which is not one line", request, answer)
	}
	_, failed := got["error"]
	_, done := got["loss"]
	if failed == done {
		t.Fatalf("%q is answered by %q", request, answer)
	}
}

// TestGarbage: a million elements of garbage, built from valid requests, without a panic.
func TestGarbage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	junk := []string{`"NaN"`, `"Infinity"`, `-1`, `0`, `1`, `2`, `1e308`, `-1e-320`, `0.5`, `null`, `{}`, `[]`, `"x"`, `true`, `1e999`, `3`}
	shapes := []string{"[]", "[0]", "[1]", "[3]", "[2,3]", "[1,3]", "[3,2]", "[2,0,3]", "[2,3,2]", "[-1]", "[1e3]", "[99999999999]", "[2147483647,0]", "[0,1048577]"}
	sizes := map[string]int{"[]": 1, "[0]": 0, "[1]": 1, "[3]": 3, "[2,3]": 6, "[1,3]": 3, "[3,2]": 6, "[2,0,3]": 0, "[2,3,2]": 12, "[2147483647,0]": 0, "[0,1048577]": 0}
	array := func() string {
		shape := shapes[r.IntN(len(shapes))]
		n := sizes[shape]
		if r.IntN(20) == 0 {
			n = r.IntN(9)
		}
		text := `{"shape":` + shape + `,"data":[`
		for i := range n {
			if i > 0 {
				text += ","
			}
			if r.IntN(4) > 0 {
				text += junk[r.IntN(6)]
			} else {
				text += junk[r.IntN(len(junk))]
			}
		}
		return text + "]}"
	}
	elements := 0
	for elements < 1_000_000 {
		e := loss.Catalogue()[r.IntN(len(loss.Catalogue()))]
		text := fmt.Sprintf(`{"id":%d,"loss":%q,"dtype":"float%d","options":{`, elements, e.Called(), 32<<r.IntN(2))
		for i, o := range e.Options {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf("%q:", o.Name)
			switch r.IntN(4) {
			case 0:
				text += array()
			case 1:
				text += []string{`"none"`, `"sum"`, `"mean"`, "null"}[r.IntN(4)]
			default:
				text += junk[r.IntN(len(junk))]
			}
		}
		text += `},"inputs":{`
		shared := array()
		for i, in := range e.Inputs {
			if i > 0 {
				text += ","
			}
			if r.IntN(3) == 0 {
				shared = array()
			}
			text += fmt.Sprintf("%q:%s", in.Name, shared)
		}
		text += "}}"
		if r.IntN(10) == 0 {
			text = text[:r.IntN(len(text))]
		}
		answered(t, []byte(text))
		elements += len(text) / 4
	}
}
