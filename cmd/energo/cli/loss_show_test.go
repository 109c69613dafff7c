package cli

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/loss"
)

// TestExamples: what show prints as a request is answered.
func TestExamples(t *testing.T) {
	for _, e := range loss.Catalogue() {
		line := example(e)
		if line == "" && e.Name != "adaptive_log_softmax" {
			t.Errorf("%s has no example", e.Name)
		}
		if line == "" {
			continue
		}
		if answer := string(catalogue.Answer(nil, []byte(line))); !strings.Contains(answer, `"loss"`) {
			t.Errorf("%s is answered by %s", line, answer)
		}
	}
}
