package train

import (
	"strings"
	"testing"
)

// TestTakenBeside: a run that ended collapsed says so beside the figures of its best epoch, however often it is measured; one whose
// measurement is collapsed gives that reason.
func TestTakenBeside(t *testing.T) {
	m := Ended(&Outcome{Why: "The energies are flat."})
	for range 2 {
		m.Take(Evaluation{Diagnosis: Diagnosis{Verdict: "All is well."}})
		if want := "The energies are flat. The weights that are measured are those of the best epoch, before that. All is well."; !m.Collapsed || m.Verdict != want {
			t.Errorf("collapsed %v: %q", m.Collapsed, m.Verdict)
		}
	}
	m.Take(Evaluation{Diagnosis: Diagnosis{Collapsed: true, Why: "They run away.", Verdict: "They run away."}})
	if !m.Collapsed || m.Why != "They run away." || strings.Contains(m.Verdict, "flat") {
		t.Errorf("measured collapsed: %q, %q", m.Why, m.Verdict)
	}
	sound := Ended(&Outcome{})
	if sound.Take(Evaluation{Diagnosis: Diagnosis{Verdict: "All is well."}}); sound.Collapsed || sound.Verdict != "All is well." {
		t.Errorf("never collapsed: %v, %q", sound.Collapsed, sound.Verdict)
	}
}
