package lossline

import "testing"

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
