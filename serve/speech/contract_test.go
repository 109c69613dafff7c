package speech

import (
	"testing"

	"github.com/energo-ml/energo/serve/internal/openapitest"
)

// Every route is described, with every field that it takes, and what is described has forms that hold together.
func TestDescription(t *testing.T) {
	_, at := start(t, options(t))
	c := openapitest.Of(t, at)
	for _, r := range (&Service{}).Routes() {
		c.Described(t, r.Pattern)
	}
	var q transcription
	names := []string{"model", "response_format", "timestamp_granularities", "temperature", "stream", "channel", "file"}
	for _, k := range q.decoding.fields() {
		names = append(names, k.name)
	}
	form := c.Paths[transcriptions].(map[string]any)["post"].(map[string]any)["requestBody"].(map[string]any)["content"].(map[string]any)["multipart/form-data"].(map[string]any)["schema"].(map[string]any)["properties"].(map[string]any)
	for _, name := range names {
		if form[name] == nil {
			t.Errorf("the field %s is not described", name)
		}
	}
	if len(form) != len(names) {
		t.Errorf("%d fields are described; there are %d", len(form), len(names))
	}
	for _, p := range c.Paths["/v1/audio/stream"].(map[string]any)["get"].(map[string]any)["parameters"].([]any) {
		if p.(map[string]any)["schema"] == nil {
			t.Errorf("the parameter %v has no schema", p.(map[string]any)["name"])
		}
	}
}
