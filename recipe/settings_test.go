package recipe

import (
	"strings"
	"testing"
)

// TestNamesComeOnce: a list of names that would train or measure one thing twice is refused.
func TestNamesComeOnce(t *testing.T) {
	search := DefaultSearch()
	search.HoldOutClasses = []string{"6", "6"}
	if _, err := search.Resolve(); err == nil || !strings.Contains(err.Error(), "hold_out_classes names 6 twice") {
		t.Errorf("a name that comes twice: %v", err)
	}
}

// TestSettingsGivenInMemory: what only data that is read makes void is taken where the data is given.
func TestSettingsGivenInMemory(t *testing.T) {
	c := DefaultSearch()
	c.TestShare = 0.3
	c, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	text, err := counting(c)
	if err != nil || !strings.Contains(string(text), "test_share: 0.3\n") || strings.Contains(string(text), "size:") {
		t.Errorf("the file is %s, %v", text, err)
	}
	again, err := Counting(c, DefaultSearch())
	if err != nil || again.TestShare != 0.3 {
		t.Errorf("%+v, %v", again, err)
	}
}
