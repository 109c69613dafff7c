package spelling

import (
	"slices"
	"testing"
)

func TestNear(t *testing.T) {
	names := []string{"hinge", "nll", "mee", "mce", "log", "square_square", "square_exp", "energy", "epochs", "Huber"}
	for typed, want := range map[string][]string{
		"hing":          {"hinge"},
		"hnige":         {"hinge"},
		"HINGE":         {"hinge"},
		"huber":         {"Huber"},
		"nl":            {"nll"}, // too short for a distance: a beginning
		"epoch":         {"epochs"},
		"square":        {"square_square", "square_exp"},
		"square_sqaure": {"square_square"},
		"mme":           {"mee", "mce"},
		"lbfgs":         nil,
		"":              nil,
		"x":             nil,
		"öööö":          nil,
	} {
		if got := Near(typed, names); !slices.Equal(got, want) {
			t.Errorf("%q is near %q, want %q", typed, got, want)
		}
	}
	if got := DidYouMean("mme", names); got != ", did you mean mee or mce?" {
		t.Error(got)
	}
	if got := DidYouMean("lbfgs", names); got != "" {
		t.Error(got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"é", "e", 1},
	} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("%q to %q takes %d steps, want %d", c.a, c.b, got, c.want)
		}
	}
}
