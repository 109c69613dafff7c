package tag

import (
	"maps"
	"slices"
	"strings"
)

// The schemes of entities' tags. All have O outside entities and else a letter, -, and the entity's type.
const (
	IOB1  = "IOB1"  // I inside; B for the first word where an entity of the same type is before it
	IOB2  = "IOB2"  // B for the first word, I for the others
	IOBES = "IOBES" // B first, I inside, E last, S alone
	BILOU = "BILOU" // B first, I inside, L last, U alone
)

// EntityScheme returns the scheme of sequences of tags, or "" if they are not tags of entities: another letter than a scheme has,
// no type, or O alone. Sequences of B, I and O are IOB1 if an entity begins with I.
func EntityScheme(sequences [][]string) string {
	letters := ""
	begins := false // with I
	for _, tags := range sequences {
		before := ""
		for _, t := range tags {
			letter, kind := splitEntity(t)
			if letter != "O" && kind == "" {
				return ""
			}
			begins = begins || letter == "I" && kind != before
			letters, before = letters+letter, kind
			if len(letters) > 64 { // each letter once
				letters = distinct(letters)
			}
		}
	}
	letters = distinct(letters)
	only := func(set string) bool { return strings.Trim(letters, set) == "" }
	switch {
	case letters == "" || letters == "O":
		return ""
	case only("BIO") && begins:
		return IOB1
	case only("BIO"):
		return IOB2
	case only("BIOES"):
		return IOBES
	case only("BILOU"):
		return BILOU
	}
	return ""
}

func distinct(letters string) string {
	all := []byte(letters)
	slices.Sort(all)
	return string(slices.Compact(all))
}

// splitEntity returns a tag's letter and type, "" where it has none.
func splitEntity(tag string) (letter, kind string) {
	letter, kind, _ = strings.Cut(tag, "-")
	if len(letter) != 1 {
		return "?", ""
	}
	return letter, kind
}

// Entity is words First to Last of a sentence that name something of a type.
type Entity struct {
	Type        string
	First, Last int
}

// Entities returns the entities of a sentence's tags, of any scheme.
//
// strict takes sequences that the scheme allows: B I* of one type, with E or L behind where the tags have them
// (ends), and S or U. Else all sequences give entities, as in the program conlleval: one begins at B and S, after E and S, and
// where the type changes or nothing was before; it ends before B and S, after E and S, and where the type changes.
//
// Special cases: L counts as E and U as S; a tag that is not of a scheme is outside.
//
// Source: the program conlleval of [tjong2003], and [nakayama2018], with its modes default and strict.
func Entities(tags []string, strict, ends bool) (all []Entity) {
	open := false
	e := Entity{}
	letterBefore := byte('O')
	for i := 0; i <= len(tags); i++ {
		letter, kind := byte('O'), ""
		if i < len(tags) {
			letter, kind = entityTag(tags[i])
		}
		same := kind == e.Type && letterBefore != 'O'
		inside := open && same && (letter == 'I' || letter == 'E') && letterBefore != 'E' && letterBefore != 'S'
		if open && !inside {
			if !strict || !ends || letterBefore == 'E' || letterBefore == 'S' {
				e.Last = i - 1
				all = append(all, e)
			}
			open = false
		}
		if !inside && letter != 'O' && (!strict || letter == 'B' || letter == 'S') {
			open, e = true, Entity{Type: kind, First: i}
		}
		letterBefore = letter
	}
	return all
}

// entityTag is splitEntity with the letters of IOBES; O for other tags.
func entityTag(tag string) (letter byte, kind string) {
	l, kind := splitEntity(tag)
	switch l {
	case "L":
		l = "E"
	case "U":
		l = "S"
	}
	if kind == "" || !strings.Contains("BIES", l) {
		return 'O', ""
	}
	return l[0], kind
}

// EntityScore is how well the entities of a type are tagged. An entity is right where its words and its type are.
type EntityScore struct {
	Type                    string
	Entities, Tagged, Right int
	Precision               float64 // Right / Tagged; 0 where nothing is tagged
	Recall                  float64 // Right / Entities; 0 where there are none
	F1                      float64 // harmonic mean of both; 0 where nothing is right
}

// EntityScores are those of all types.
type EntityScores struct {
	Types []EntityScore // by name: those of the right entities and of the tagged
	Micro EntityScore   // of all entities together
	Macro EntityScore   // means over Types
}

// ScoreEntities compares sequences of tags with the right ones, entity by entity; strict is as in [Entities]. Both have
// the same lengths. Where any tag has E, S, L or U, entities end by E or L.
func ScoreEntities(right, tagged [][]string, strict bool) EntityScores {
	ends := hasEnds(right) || hasEnds(tagged)
	types := map[string]*EntityScore{}
	of := func(kind string) *EntityScore {
		if types[kind] == nil {
			types[kind] = &EntityScore{Type: kind}
		}
		return types[kind]
	}
	for i, tags := range right {
		there := map[Entity]bool{}
		for _, e := range Entities(tags, strict, ends) {
			there[e] = true
			of(e.Type).Entities++
		}
		for _, e := range Entities(tagged[i], strict, ends) {
			s := of(e.Type)
			s.Tagged++
			if there[e] {
				s.Right++
			}
		}
	}
	var all EntityScores
	n := float64(len(types))
	for _, kind := range slices.Sorted(maps.Keys(types)) {
		s := types[kind].rated()
		all.Types = append(all.Types, s)
		for _, sum := range []*EntityScore{&all.Micro, &all.Macro} {
			sum.Entities, sum.Tagged, sum.Right = sum.Entities+s.Entities, sum.Tagged+s.Tagged, sum.Right+s.Right
		}
		all.Macro.Precision += s.Precision / n
		all.Macro.Recall += s.Recall / n
		all.Macro.F1 += s.F1 / n
	}
	all.Micro = all.Micro.rated()
	return all
}

func hasEnds(sequences [][]string) bool {
	for _, tags := range sequences {
		for _, t := range tags {
			if l, _ := entityTag(t); l == 'E' || l == 'S' {
				return true
			}
		}
	}
	return false
}

// rated returns s with its shares.
func (s EntityScore) rated() EntityScore {
	ratio := func(a, b int) float64 {
		if b == 0 {
			return 0
		}
		return float64(a) / float64(b)
	}
	s.Precision, s.Recall = ratio(s.Right, s.Tagged), ratio(s.Right, s.Entities)
	s.F1 = ratio(2*s.Right, s.Tagged+s.Entities)
	return s
}
