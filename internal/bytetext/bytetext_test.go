package bytetext

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestString(t *testing.T) {
	for _, s := range []String{"", "a", "ü/→", "a\xffb", "\xff", "\ufffd", `{"base64":""}`} {
		text, err := json.Marshal([]String{s})
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%q is %q, %v", s, text, err)
		}
		var got []String
		if err := json.Unmarshal(text, &got); err != nil || len(got) != 1 || got[0] != s {
			t.Errorf("%q comes back as %q, %v", s, got, err)
		}
	}
	var s String
	for _, text := range []string{"3", `{"base64":3}`, `{"base64":"*"}`} {
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s is the name %q", text, s)
		}
	}
}
