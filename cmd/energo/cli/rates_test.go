package cli

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestErrorRatesOfUnicode: errors are counted after both sides are in NFC, whichever form the tokens and the manifest have, and in each a wrong
// character is one error.
func TestErrorRatesOfUnicode(t *testing.T) {
	t.Chdir(t.TempDir())
	emissions := map[norm.Form]string{
		norm.NFC: "[0, 0, 9, 0]\n[0, 9, 0, 0]\n[0, 0, 0, 9]\n",
		norm.NFD: "[0, 0, 9, 0, 0]\n[0, 0, 0, 9, 0]\n[0, 9, 0, 0, 0]\n[0, 0, 0, 0, 9]\n",
	}
	tokens := map[norm.Form]string{norm.NFC: "<pad>\n|\né\na\n", norm.NFD: "<pad>\n|\ne\n\u0301\na\n"}
	for form, name := range map[norm.Form]string{norm.NFC: "NFC", norm.NFD: "NFD"} {
		writeFile(t, "tokens.txt", tokens[form])
		writeFile(t, "said.jsonl", emissions[form])
		for _, reference := range []norm.Form{norm.NFC, norm.NFD} {
			for _, level := range []string{"none", "basic", "fr"} {
				for text, rates := range map[string]string{"é a": `"word_error_rate":0,"characters":3,"character_error_rate":0}`, "è a": `"word_error_rate":0.5,"characters":3,"character_error_rate":0.3333333333333333}`} {
					writeFile(t, "manifest.csv", "path,text\nsaid.jsonl,"+reference.String(text)+"\n")
					if said := run("transcribe tokens.txt --logits --json --manifest manifest.csv --normalise " + level); !strings.Contains(said, rates) {
						t.Errorf("tokens in %s, the reference %s, %s: %s; want %s", name, fmt.Sprintf("%+q", reference.String(text)), level, said, rates)
					}
				}
			}
		}
	}
}
