package catalogue

import (
	"strings"
	"testing"
)

func TestAnswer(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{
			`{"id":"a","loss":"MSELoss","inputs":{"input":{"shape":[2],"data":[1,"NaN"]},"target":{"shape":[2],"data":[3,1]}},"options":{"reduction":"none"}}`,
			`{"id":"a","loss":{"shape":[2],"data":[4,"NaN"]},"grad":{"input":{"shape":[2],"data":[-4,"NaN"]},"target":{"shape":[2],"data":[4,"NaN"]}}}`,
		},
		{
			`{"id":7,"loss":"MSELoss","inputs":{"input":{"shape":[],"data":[1]},"target":{"shape":[],"data":[3]}}}`,
			`{"id":7,"loss":{"shape":[],"data":[4]},"grad":{"input":{"shape":[],"data":[-4]},"target":{"shape":[],"data":[4]}}}`,
		},
		{
			`{"id":"a","loss":"MSELoss","inputs":{"input":{"shape":[0],"data":[]},"target":{"shape":[0],"data":[]}}}`,
			`{"id":"a","loss":{"shape":[],"data":["NaN"]},"grad":{"input":{"shape":[0],"data":[]},"target":{"shape":[0],"data":[]}}}`,
		},
		{
			`{"loss":"MultiMarginLoss","options":{"weight":[1,2],"reduction":"sum","margin":null},"inputs":{"input":{"shape":[1,2],"data":[0,0]},"target":{"shape":[1],"data":[1]}}}`,
			`{"loss":{"shape":[],"data":[1]},"grad":{"input":{"shape":[1,2],"data":[1,-1]}}}`,
		},
		{
			`{"loss":"MultiMarginLoss","options":{"weight":[1,"x"]},"inputs":{"input":{"shape":[1,2],"data":[0,0]},"target":{"shape":[1],"data":[1]}}}`,
			`{"error":"option weight: data[1] is \"x\"; it must be a number, \"NaN\", \"Infinity\" or \"-Infinity\""}`,
		},
	} {
		if got := string(Answer(nil, []byte(c.in))); got != c.out+"\n" {
			t.Errorf("%s\n got %s want %s", c.in, got, c.out)
		}
	}
}

// TestRefused: what is no request, and what of it the answer still can name.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ in, id, want string }{
		{`[1]`, "", "must be an object"},
		{`{"id":"a","loss":"MSELoss","inputs":{"inp`, `"a"`, "unexpected end"},
		{"{\"id\":\"\xff\",\"loss\":\"MSELoss\"}", "", "not UTF-8"},
		{`{"id": [1, {"b": "x y"}], "loss":"MSELoss", "loss":"L1Loss"}`, `[1,{"b":"x y"}]`, `"loss" stands there twice`},
		{`{"id":1,"l\u006fss":"L1Loss","loss":"L1Loss"}`, "1", `"loss" stands there twice`},
		{`{"ID":1,"loss":"L1Loss"}`, "", `unknown key "ID"`},
		{`{"id":"\"}","loss":"L1Loss","inputs":{"input":{"shape":[1],"data":[1]},"input":0}}`, `"\"}"`, `inputs: key "input" stands there twice`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"shape":["1"],"data":[1]}}}`, "1", `input: shape[0] is "1"`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"shape":[1.0],"data":[1]}}}`, "1", `input: shape[0] is 1.0`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"shape":[1],"data":[[1]]}}}`, "1", `input: data[0] is [1]`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"shape":[1],"data":[1,null]}}}`, "1", `input: data[1] is null`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"shape":[1]}}}`, "1", `has "shape" and "data"`},
		{`{"id":1,"loss":"L1Loss","inputs":{"input":{"Shape":[1],"data":[1]}}}`, "1", `unknown key "Shape"`},
		{`{"id":1,"loss":"HuberLoss","options":{"delta":1e999}}`, "1", "option delta: 1e999 is beyond"},
		{`{"id":1,"loss":"L1Loss","dtype":16}`, "1", "dtype is 16"},
		{`{"id":1,"loss":null}`, "1", `"loss" is missing`},
		{`{"id":1,"loss":"TripletMarginLoss","options":{"reduction":"none"},"inputs":{"anchor":{"shape":[2147483647,0],"data":[]},"positive":{"shape":[2147483647,0],"data":[]},"negative":{"shape":[2147483647,0],"data":[]}}}`, "1", "has no elements; its other dimensions"},
		{`{"id":1,"loss":"ebm.margin_cost","options":{"margin":1},"inputs":{"energies":{"shape":[1,2],"data":[1,2]},"target":{"shape":[1],"data":[0]},"cost":{"shape":[2,2],"data":[0,1,1,0]}}}`, "1", "option margin 1 has no effect: it counts only where there is no input cost"},
		{`{"id":1,"loss":"BatchTriplet","options":{"p":"Infinity"},"inputs":{"embeddings":{"shape":[2,1],"data":[1,2]},"labels":{"shape":[2],"data":[0,0]}}}`, "1", "option p +Inf has no effect: it counts only where distance is lp"},
		{`{"id":1,"loss":"ebm.margin_cost","inputs":{"energies":{"shape":[1,2],"data":[1,2]},"target":{"shape":[1],"data":[0]},"cost":{"shape":[0,0],"data":[]}}}`, "1", "cost has shape [0 0]"},
	} {
		got := string(Answer(nil, []byte(c.in)))
		begin := `{"error":"`
		if c.id != "" {
			begin = `{"id":` + c.id + `,"error":"`
		}
		if !strings.HasPrefix(got, begin) || !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), c.want) {
			t.Errorf("%s\n got %s want id %s and %s", c.in, got, c.id, c.want)
		}
	}
}

// TestSpaces: white space between the parts, and parts in any order.
func TestSpaces(t *testing.T) {
	in := " {\t\"inputs\" : { \"target\" : {\"data\" : [ 3 , \"Infinity\" ] , \"shape\":[ 2 ]},\"input\":{\"shape\":[2],\"data\":[-1e0,0]}}, \"options\":{ } ,\"loss\" : \"L1Loss\" , \"id\" : { } }\r"
	want := `{"id":{},"loss":{"shape":[],"data":["Infinity"]},"grad":{"input":{"shape":[2],"data":[-0.5,-0.5]},"target":{"shape":[2],"data":[0.5,0.5]}}}` + "\n"
	if got := string(Answer(nil, []byte(in))); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}
