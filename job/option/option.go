// Package option describes the settings of a job, each once. From the list follow the flags of the command with
// their completion, the file of settings, the checks of each value, the refusal of settings that have no effect,
// and the fingerprint that a resumed run must have.
package option

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
)

// Kind is what a setting can be.
type Kind interface {
	*string | *bool | *int | *uint64 | *float64 | *[]string | *[][]float64
}

// An Option is one setting: a variable, which holds its default, and what is known of it. It implements pflag.Value.
type Option struct {
	Name string // as files have it; the flag has dashes instead of underscores
	Help string

	p       any // of Kind
	arg     string
	unset   string // what 0 or "" stands for
	choices []string
	checks  []func() error
	apart   bool            // does not shape the weights
	path    bool            // of a file or folder
	each    bool            // values of a list are set one by one
	begun   bool            // … and one has been
	void    []func() string // why it has no effect beside the others; "" where it has
}

// A Rule adds what is known of an option.
type Rule func(*Option)

// New describes the setting that p points to.
func New[P Kind](p P, name, help string, rules ...Rule) Option {
	o := Option{Name: name, Help: help, p: p}
	for _, r := range rules {
		r(&o)
	}
	return o
}

// Arg names the value in help; the help must have the word.
func Arg(name string) Rule { return func(o *Option) { o.arg = name } }

// Unset says what 0 or "" stands for where the setting is not named: "the model's". A 0 that is named is refused.
func Unset(what string) Rule {
	return func(o *Option) {
		o.unset = what
		When(func() bool { return !o.zero() }, Because("it must be above 0; where it is left out, it is the default"))(o)
	}
}

// ZeroMeans is what 0 or "" stands for where the setting is not named, so that it is no value of its own; "" where it is one.
func (o *Option) ZeroMeans() string { return o.unset }

// Number tells whether the setting is a number, and whether it is a whole one.
func (o *Option) Number() (number, whole bool) {
	switch o.p.(type) {
	case *float64:
		return true, false
	case *int, *uint64:
		return true, true
	}
	return false, false
}

// Many tells whether the value is a list or a matrix.
func (o *Option) Many() bool { return o.value().Kind() == reflect.Slice }

// Apart marks a setting that does not shape the weights: a run may be resumed with another value.
func Apart(o *Option) { o.apart = true }

// Path marks the path of a file or folder. It does not shape the weights: what lies there does.
func Path(o *Option) { o.path, o.apart = true, true }

// Each makes each value of a list an argument of its own: the flag comes again for each, a value may have commas, and
// none may come twice.
func Each(o *Option) {
	o.each = true
	Once(o)
}

// When says beside which other settings this one counts, and why it does not beside the rest. Of several such rules, all must hold.
// Where it does not count, it is refused if it is named, and left out of the file of settings.
func When(counts func() bool, why func() string) Rule {
	return func(o *Option) {
		o.void = append(o.void, func() string {
			if counts() {
				return ""
			}
			return why()
		})
	}
}

// Because is a reason for When that is always the same.
func Because(why string) func() string { return func() string { return why } }

// OneOf allows some texts. "" is allowed where it is listed.
func OneOf(all ...string) Rule {
	return func(o *Option) {
		o.choices = slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "" })
		o.check(func() error {
			if v := *o.p.(*string); !slices.Contains(all, v) {
				return fmt.Errorf("%s is %q; it must be one of %s%s", o.Name, excerpt.Of(v), strings.Join(o.choices, ", "), spelling.DidYouMean(v, o.choices))
			}
			return nil
		})
	}
}

// Check refuses what f says, before the rules that follow.
func Check(f func() error) Rule { return func(o *Option) { o.check(f) } }

// Whole allows whole numbers from least to most.
func Whole(least, most int) Rule {
	return func(o *Option) {
		o.check(func() error {
			if v := *o.p.(*int); v < least || v > most {
				return fmt.Errorf("%s is %d; it must be a whole number from %d to %d", o.Name, v, least, most)
			}
			return nil
		})
	}
}

// Below allows numbers of at least 0 below a bound.
func Below(bound float64) Rule {
	return number("of at least 0 and below "+strconv.FormatFloat(bound, 'g', -1, 64), func(v float64) bool { return v >= 0 && v < bound })
}

// Above0 allows numbers above 0.
func Above0(o *Option) {
	number("above 0", func(v float64) bool { return v > 0 && v <= math.MaxFloat64 })(o)
}

// UpTo allows numbers from 0 to a bound.
func UpTo(bound float64) Rule {
	return number("from 0 to "+strconv.FormatFloat(bound, 'g', -1, 64), func(v float64) bool { return v >= 0 && v <= bound })
}

// AnyFloat32 allows 0 and what float32 holds as a normal number, of either sign.
func AnyFloat32(o *Option) {
	const smallest = 0x1p-126
	number("that is 0 or has a magnitude that float32 holds", func(v float64) bool {
		v = math.Abs(v)
		return v == 0 || v >= smallest && v <= math.MaxFloat32
	})(o)
}

// Once allows lists that name nothing twice.
func Once(o *Option) {
	o.check(func() error {
		all := *o.p.(*[]string)
		for i, v := range all {
			if slices.Contains(all[:i], v) {
				return fmt.Errorf("%s names %s twice", o.Name, excerpt.Of(v))
			}
		}
		return nil
	})
}

// Share allows numbers above 0 and below 1.
func Share(o *Option) {
	number("above 0 and below 1", func(v float64) bool { return v > 0 && v < 1 })(o)
}

// number allows the numbers for which ok holds; what says which those are.
func number(what string, ok func(v float64) bool) Rule {
	return func(o *Option) {
		o.check(func() error {
			if v := *o.p.(*float64); !ok(v) {
				return fmt.Errorf("%s is %v; it must be a number %s", o.Name, v, what)
			}
			return nil
		})
	}
}

func (o *Option) check(f func() error) { o.checks = append(o.checks, f) }

// Flag returns the flag's name.
func (o *Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

// Usage is the flag's help: the value's name stands in back quotes, and what 0 stands for at the end.
func (o *Option) Usage() string {
	help := o.Help
	if len(o.choices) > 0 && len(o.choices) <= longestChoice {
		help += ": " + strings.Join(o.choices, ", ")
	}
	if o.arg != "" {
		help = strings.Replace(help, o.arg, "`"+o.arg+"`", 1)
	}
	if o.unset != "" && o.zero() {
		help += " (default " + o.unset + ")"
	}
	return help
}

// longestChoice is how many names help lists.
const longestChoice = 16

// Choices are the texts allowed, for completion.
func (o *Option) Choices() []string { return o.choices }

// Void says why the setting has no effect beside the others; "" where it has.
func (o *Option) Void() string {
	for _, why := range o.void {
		if text := why(); text != "" {
			return text
		}
	}
	return ""
}

// value is the variable.
func (o *Option) value() reflect.Value { return reflect.ValueOf(o.p).Elem() }

// zero tells whether the value is 0, "", false or an empty list.
func (o *Option) zero() bool {
	v := o.value()
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// Value returns the value itself.
func (o *Option) Value() any { return o.value().Interface() }

// String implements pflag.Value.
func (o *Option) String() string {
	switch p := o.p.(type) {
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *[]string:
		return strings.Join(*p, ",")
	case *[][]float64:
		return matrix(*p)
	case nil: // pflag asks a zero Option for its text
		return ""
	}
	return fmt.Sprint(o.Value())
}

// Assign sets the value to that of an option of the same kind.
func (o *Option) Assign(from *Option) {
	v := from.value()
	if v.Kind() == reflect.Slice { // a list of its own
		v = reflect.AppendSlice(reflect.Zero(v.Type()), v)
	}
	o.value().Set(v)
}

// matrix writes rows of numbers as Set reads them: [[0,1],[2,0]]; nothing for none.
func matrix(rows [][]float64) string {
	if len(rows) == 0 {
		return ""
	}
	return strings.ReplaceAll(fmt.Sprint(rows), " ", ",")
}

// Set implements pflag.Value. A matrix is a JSON list of rows.
func (o *Option) Set(s string) (err error) {
	switch p := o.p.(type) {
	case *string:
		*p = s
	case *bool:
		*p, err = strconv.ParseBool(s)
	case *int:
		*p, err = strconv.Atoi(s)
	case *uint64:
		*p, err = strconv.ParseUint(s, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(s, 64)
	case *[]string:
		switch {
		case !o.each:
			*p = strings.Split(s, ",")
		case o.begun:
			*p = append(*p, s)
		default: // instead of the default
			*p, o.begun = []string{s}, true
		}
	case *[][]float64:
		err = json.Unmarshal([]byte(s), p)
	}
	return err
}

// types are the names of the kinds.
var types = map[reflect.Type]string{
	reflect.TypeFor[string](): "string", reflect.TypeFor[bool](): "bool", reflect.TypeFor[int](): "int", reflect.TypeFor[uint64](): "uint",
	reflect.TypeFor[float64](): "float", reflect.TypeFor[[]string](): "strings", reflect.TypeFor[[][]float64](): "matrix",
}

// Type implements pflag.Value.
func (o *Option) Type() string { return types[o.value().Type()] }
