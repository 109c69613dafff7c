package cli

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/token"
	"github.com/spf13/cobra"
)

func newTokens() *cobra.Command {
	var flags listenFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "tokens FILE [EMISSIONS]", Short: "Show what a file of tokens means: the blank, words, and what is in no text",
		Long: `Shows what energo understands of a file of tokens, and why: which class is the blank, what parts words, which tokens never appear in a text, and what each class adds to one
(a space is where words part). energo transcribe and energo align take the file alike, with the same flags.

It reads vocab.json and tokenizer.json of Hugging Face, tokens.txt of k2, icefall, sherpa, wenet and ESPnet (a token and its class a line), the lists of torchaudio, flashlight, NeMo, PaddleOCR,
TensorFlow, Keras and DeepSpeech (a token a line, or JSON), SentencePiece's .model and .vocab, WordPiece's vocab.txt, and fairseq's dictionaries.

With a file of emissions, their number of classes counts: a blank that the file does not list is the class behind all tokens. Without one, a list that has no blank is taken for such.`,
		Example: `  energo tokens vocab.json
  energo tokens tokens.txt emissions.npy
  energo tokens dict.txt --blank 0 --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("energo tokens: name a file of tokens, and perhaps one of emissions")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o := flags.tokens()
			if len(args) == 2 {
				all, err := data.ReadEmissions(args[1], "")
				if err != nil {
					return err
				}
				if len(all) > 0 {
					o.Classes = all[0].Classes
				}
			}
			s, err := token.Read(args[0], o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), understoodOf(args[0], s), true)
			}
			return showTokens(cmd.OutOrStdout(), s)
		},
	}
	flags.addTokens(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// understood is the line of --json.
type understood struct {
	File      string            `json:"file"`
	Layout    string            `json:"layout"`
	Classes   int               `json:"classes"`
	Blank     int               `json:"blank"`
	Separator *int              `json:"separator"` // null where words begin with marks, or every token is one
	Mark      string            `json:"mark"`      // of pieces; "" for none
	Unknown   *int              `json:"unknown"`   // null where there is none
	Start     *int              `json:"start"`
	End       *int              `json:"end"`
	Why       []string          `json:"why"`
	Tokens    []understoodToken `json:"tokens"`
}

type understoodToken struct {
	Class int        `json:"class"`
	Token string     `json:"token"`
	Text  string     `json:"text"`
	Role  token.Role `json:"role"`
}

func understoodOf(file string, s *token.Set) understood {
	class := func(c int) *int {
		if c == token.None {
			return nil
		}
		return &c
	}
	u := understood{file, s.Layout, len(s.Names), s.Blank, class(s.Separator), s.Mark, class(s.Unknown), class(s.Start), class(s.End), s.Why, nil}
	for c, name := range s.Names {
		u.Tokens = append(u.Tokens, understoodToken{c, name, s.Texts[c], s.Roles[c]})
	}
	return u
}

// shownTokens is how many tokens at either end are shown.
const shownTokens = 20

func showTokens(out io.Writer, s *token.Set) error {
	for _, line := range s.Why {
		fmt.Fprintln(out, line)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nCLASS\tTOKEN\tTEXT\tROLE")
	for c, name := range s.Names {
		if len(s.Names) > 2*shownTokens && c >= shownTokens && c < len(s.Names)-shownTokens {
			if c == shownTokens {
				fmt.Fprintln(w, "…\t\t\t")
			}
			continue
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", c, strconv.Quote(name), strconv.Quote(s.Texts[c]), s.Roles[c])
	}
	return w.Flush()
}
