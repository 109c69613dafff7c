package catalogue

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss"
)

// TestExamples: every request of Example is answered.
func TestExamples(t *testing.T) {
	for _, e := range loss.Catalogue() {
		line := Example(e)
		if answer := string(Answer(nil, []byte(line))); !strings.Contains(answer, `"loss"`) {
			t.Errorf("%s is answered by %s", line, answer)
		}
	}
}
