package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// A content is a token as Hugging Face's files name one: its text, or an object that has it.
type content string

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(text []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if len(text) > 0 && text[0] == '{' {
		err := json.Unmarshal(text, &object)
		*c = content(object.Content)
		return err
	}
	return json.Unmarshal(text, (*string)(c))
}

// settings are what tokenizer_config.json and special_tokens_map.json say.
type settings struct {
	Pad       content `json:"pad_token"`
	Unknown   content `json:"unk_token"`
	Start     content `json:"bos_token"`
	End       content `json:"eos_token"`
	Delimiter content `json:"word_delimiter_token"`
	Added     map[string]struct {
		Content string `json:"content"`
	} `json:"added_tokens_decoder"`
}

// beside reads what stands beside vocab.json, and adds tokens whose classes follow those of the vocabulary.
func (l *listing) beside(dir string, classes map[string]int) error {
	added := map[string]int{}
	if _, err := optional(filepath.Join(dir, "added_tokens.json"), &added); err != nil {
		return err
	}
	var said settings
	for _, file := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		there, err := optional(filepath.Join(dir, file), &said)
		if err != nil {
			return err
		}
		if there {
			l.roleNames(map[Role]content{Blank: said.Pad, Unknown: said.Unknown, Start: said.Start, End: said.End}, file)
		}
	}
	for class, t := range said.Added {
		if c, err := strconv.Atoi(class); err == nil {
			added[t.Content] = c
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(added), func(a, b string) int { return added[a] - added[b] }) {
		if _, there := classes[name]; !there && added[name] == len(classes) {
			classes[name] = added[name]
		}
	}
	l.separator, l.by[Separator] = string(said.Delimiter), "tokenizer_config.json says so"
	return nil
}

// roleNames notes which tokens a file gives which roles.
func (l *listing) roleNames(names map[Role]content, file string) {
	for role, name := range names {
		if name != "" {
			l.by[role], l.named[role] = file+" says so", string(name)
		}
	}
}

// name turns the names of roles into classes.
func (l *listing) name() {
	l.roles = map[int]Role{}
	for role, name := range l.named {
		if c := slices.Index(l.names, name); c >= 0 {
			if before, ok := l.roles[c]; !ok || before != Blank {
				l.roles[c] = role
			}
		}
	}
}

// optional reads a file of JSON that may be missing.
func optional(path string, to any) (there bool, err error) {
	text, err := plaintext.ReadFile(path, most)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", filepath.Base(path), excerpt.Error(err))
	}
	return true, nil
}

// ofTokenizer reads tokenizer.json.
func ofTokenizer(text []byte) (*listing, error) {
	var file struct {
		Added []struct {
			ID      int    `json:"id"`
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens"`
		Decoder json.RawMessage `json:"decoder"`
		Model   struct {
			Type    string          `json:"type"`
			Unknown json.RawMessage `json:"unk_token"`
			Vocab   json.RawMessage `json:"vocab"`
			Prefix  string          `json:"continuing_subword_prefix"`
		} `json:"model"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, excerpt.Error(err)
	}
	l := &listing{layout: huggingFaceLayout}
	classes := map[string]int{}
	if file.Model.Vocab[0] == '[' {
		listed, err := ofArray(file.Model.Vocab)
		if err != nil {
			return nil, err
		}
		for i, name := range listed.names {
			classes[name] = i
		}
		if len(classes) != len(listed.names) {
			return nil, errors.New("model.vocab has a token twice")
		}
	} else if err := json.Unmarshal(file.Model.Vocab, &classes); err != nil {
		return nil, excerpt.Error(err)
	}
	for _, t := range file.Added {
		if c, there := classes[t.Content]; there && c != t.ID {
			return nil, fmt.Errorf("%q is class %d in model.vocab, and %d in added_tokens", excerpt.Of(t.Content), c, t.ID)
		}
		classes[t.Content] = t.ID
	}
	var err error
	if l.names, err = inOrder(classes); err != nil {
		return nil, err
	}
	l.roles, l.by = map[int]Role{}, map[Role]string{}
	for _, t := range file.Added {
		if t.Special && !isBlankName(t.Content) && t.Content != "|" {
			l.roles[t.ID] = roleNamed(t.Content)
		}
	}
	return l, l.decoder(file.Decoder, file.Model.Prefix)
}

// roleNamed is the role of a special token by its name.
func roleNamed(name string) Role {
	for _, role := range []Role{Unknown, Start, End} {
		if slices.Contains(marksOf[role], strings.ToLower(name)) {
			return role
		}
	}
	return Special
}

// decoder takes from a decoder of tokenizer.json what it says of blanks, spaces and pieces.
func (l *listing) decoder(text json.RawMessage, prefix string) error {
	var d struct {
		Type        string            `json:"type"`
		Pad         string            `json:"pad_token"`
		Delimiter   string            `json:"word_delimiter_token"`
		Replacement string            `json:"replacement"`
		Prefix      string            `json:"prefix"`
		Decoders    []json.RawMessage `json:"decoders"`
	}
	if len(text) == 0 || string(text) == "null" {
		if prefix == Continues && pieces(l.names, prefix) {
			l.mark = prefix
		}
		return nil
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return excerpt.Error(err)
	}
	switch d.Type {
	case "CTC":
		if c := slices.Index(l.names, d.Pad); c >= 0 {
			l.roles[c], l.by[Blank] = Blank, "tokenizer.json's decoder says so"
		}
		l.separator, l.by[Separator] = d.Delimiter, "tokenizer.json's decoder says so"
	case "Metaspace":
		l.mark = d.Replacement
	case "WordPiece":
		l.mark = d.Prefix
	case "ByteLevel":
		l.mark, l.bytes = byteSpace, true
	case "Sequence":
		for _, one := range d.Decoders {
			if err := l.decoder(one, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
