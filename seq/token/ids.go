package token

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// A Coder gives the numbers of the tokens that spell a text, as a network of texts such as BERT takes them, with the special tokens around them.
type Coder struct {
	Most int // tokens that the file cuts texts to, with the special ones; 0 where it does not say

	tokenizer     *Tokenizer
	classes       map[string]int
	unknown       int // -1 for none
	before, after []int
}

// OpenCoder opens a tokenizer.json of Hugging Face, with its post_processor: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, or a sequence of them.
//
// Errors: those of OpenTokenizer; another post_processor, by its name; one with tokens that the file does not have.
func OpenCoder(path string) (*Coder, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	c, err := DecodeCoder(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// DecodeCoder is [OpenCoder] for what a file holds.
func DecodeCoder(text []byte) (*Coder, error) {
	t, err := decodeHuggingFace(text)
	if err != nil {
		return nil, err
	}
	l, err := ofTokenizer(text)
	if err != nil {
		return nil, err
	}
	var file struct {
		Model struct {
			Unknown *string `json:"unk_token"`
		} `json:"model"`
		Post       json.RawMessage `json:"post_processor"`
		Truncation *struct {
			Most int `json:"max_length"`
		} `json:"truncation"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, excerpt.Error(err)
	}
	c := &Coder{tokenizer: t, classes: map[string]int{}, unknown: -1}
	for class, name := range l.names {
		c.classes[name] = class
	}
	if file.Model.Unknown != nil {
		if class, ok := c.classes[*file.Model.Unknown]; ok {
			c.unknown = class
		}
	}
	if file.Truncation != nil {
		if c.Most = file.Truncation.Most; c.Most < 1 {
			return nil, fmt.Errorf("truncation.max_length is %d; it must be above 0", c.Most)
		}
	}
	return c, c.surround(file.Post)
}

// processor is a post_processor.
type processor struct {
	Type   string `json:"type"`
	Single []struct {
		Special *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
		Sequence *struct {
			ID string `json:"id"`
		} `json:"Sequence"`
	} `json:"single"`
	Special map[string]struct {
		IDs []int `json:"ids"`
	} `json:"special_tokens"`
	Start      *processorToken   `json:"cls"`
	End        *processorToken   `json:"sep"`
	Processors []json.RawMessage `json:"processors"`
}

// processorToken is a token's name and its number.
type processorToken struct{ class int }

// UnmarshalJSON implements json.Unmarshaler.
func (s *processorToken) UnmarshalJSON(text []byte) error {
	var name string
	return json.Unmarshal(text, &[]any{&name, &s.class})
}

// surround takes the special tokens around a text.
func (c *Coder) surround(text json.RawMessage) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	var p processor
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("post_processor: %w", excerpt.Error(err))
	}
	switch p.Type {
	case "ByteLevel":
		return nil
	case "Sequence":
		for _, part := range p.Processors {
			if err := c.surround(part); err != nil {
				return err
			}
		}
		return nil
	case "BertProcessing", "RobertaProcessing":
		if p.Start == nil || p.End == nil {
			return fmt.Errorf("post_processor: %s has no cls and sep", p.Type)
		}
		return c.around([]int{p.Start.class}, []int{p.End.class})
	case "TemplateProcessing":
		return c.template(&p)
	}
	return fmt.Errorf("post_processor %q is not supported; TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel are", excerpt.Of(p.Type))
}

// template takes the tokens before and behind the one text of a template.
func (c *Coder) template(p *processor) error {
	var before, after []int
	seen := false
	for _, part := range p.Single {
		switch {
		case part.Sequence != nil && seen:
			return errors.New("post_processor: the template of one text has it twice")
		case part.Sequence != nil:
			seen = true
		case part.Special == nil:
			return errors.New("post_processor: the template of one text has a part that is neither a text nor a token")
		default:
			s, ok := p.Special[part.Special.ID]
			if !ok {
				return fmt.Errorf("post_processor: special_tokens has no %q, which the template names", excerpt.Of(part.Special.ID))
			}
			if seen {
				after = append(after, s.IDs...)
			} else {
				before = append(before, s.IDs...)
			}
		}
	}
	if !seen {
		return errors.New("post_processor: the template of one text does not have it")
	}
	return c.around(before, after)
}

func (c *Coder) around(before, after []int) error {
	for _, class := range append(append([]int{}, before...), after...) {
		if class < 0 || class >= len(c.classes) {
			return fmt.Errorf("post_processor: there is no token %d; there are %d", class, len(c.classes))
		}
	}
	c.before, c.after = append(before, c.before...), append(c.after, after...)
	return nil
}

// Tokens is how many tokens there are.
func (c *Coder) Tokens() int { return len(c.classes) }

// Code returns the numbers of a text's tokens. A word that WordPiece has no pieces for is the unknown token.
//
// Errors: those of Tokenizer.Pieces; a piece that is no token of the file.
func (c *Coder) Code(text string) ([]int, error) {
	ids := append([]int{}, c.before...)
	err := c.tokenizer.each(text, func(part string) error {
		pieces, err := c.tokenizer.model.pieces(part)
		if u := unspelled(""); errors.As(err, &u) && c.whole() {
			ids = append(ids, c.unknown)
			return nil
		}
		if err != nil {
			return err
		}
		for _, p := range pieces {
			class, ok := c.classes[p]
			if !ok {
				return fmt.Errorf("it has no number for the piece %q", excerpt.Of(p))
			}
			ids = append(ids, class)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return append(ids, c.after...), nil
}

// whole tells whether a word is the unknown token where no pieces spell it.
func (c *Coder) whole() bool {
	_, ok := c.tokenizer.model.(*wordPiece)
	return ok && c.unknown >= 0
}
