package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/jobs"
	"github.com/spf13/pflag"
)

// voids lists, for the commands whose flags can make one another void, how each flag is made so: the arguments beside
// which it is refused, and others beside which it is taken. A flag that no other makes void has a row in counting. The jobs
// of the table of jobs say themselves what makes a setting void: TestVoidSettings.
// A flag's own argument is that of arguments, or the first one that its kind has.
var voids = []struct{ command, flags, void, counts string }{
	{"train *", "epochs=0 batch=0 lr=0", "", "!"},

	{"train digits", "codes", "--energy head", "--energy code"},
	{"train digits", "codes", "--energy joint", "--energy code"},
	{"train digits", "functional", "--loss mse", ""},
	{"train digits", "label-smoothing", "", "--loss cross_entropy"},
	{"train digits", "label-smoothing", "--loss huber", "--loss cross_entropy"},
	{"train digits", "margin", "", "--functional hinge"},
	{"train digits", "margin=1", "", "--functional square_square"}, // also where it is the default
	{"train digits", "margin", "--functional energy", "--functional margin_cost"},
	{"train digits", "margin", "--config cost.yaml", "--functional margin_cost_max"},
	{"train digits", "beta", "--functional hinge", ""},
	{"train digits", "beta", "--loss l1", "--functional mee"},
	{"train digits", "beta", "--functional log", "--functional log --rival wrong"},
	{"train digits", "rival", "", "--functional hinge"},
	{"train digits", "gamma", "", "--functional square_exp"},
	{"train digits", "cap delta", "", "--functional lvq2"},
	{"train digits", "cost", "", "--functional margin_cost"},

	{"train generate", "restart", "--buffer 0", "--buffer 10"},
	{"train jem", "restart", "--buffer 0", ""},
	{"train jem", "k step-size noise slope-clip buffer restart energy-l2", "--density 0", "--density 0.5"},

	{"train tagger", "margin", "", "--functional hinge"},
	{"train tagger", "beta", "--functional hinge", "--functional hinge --rival wrong"},
	{"train tagger", "gamma", "", "--functional square_exp"},
	{"train tagger", "cap delta", "", "--functional lvq2"},
	{"train tagger", "rival", "", "--functional mce"},
	{"train tagger", "zero", "--functional hinge", "--functional energy"},
	{"train tagger", "average", "--functional hinge", "--functional perceptron"},
	{"train tagger", "average", "--functional perceptron --model network", "--functional perceptron"},
	{"train tagger", "tags", "--column ner", "--functional hinge"},
	{"train tagger", "test=0.2", "--test-data there", "--functional hinge"},
	{"train tagger", "bits prune unknown=shape", "--model network", "--model features"},
	{"train tagger", "c2 possible-states possible-transitions min-frequency", "--model features", "--model attributes"},
	{"train tagger", "column functional=hinge beta per-word batch lr validation", "--model attributes", ""},
	{"train tagger", "word", "", "--column ner"},
	{"train tagger", "optimizer weight-decay l1 clip ema patience", "--functional hinge", "--model network"},
	{"train tagger", "schedule warmup", "--functional perceptron --average", "--functional perceptron"},

	{"train strips|speech", "base", "", "--functional energy"},
	{"train strips|speech", "margin", "", "--functional hinge --latent least"},
	{"train strips|speech", "rival", "--functional perceptron --latent least", "--functional hinge --latent least"},
	{"train strips|speech", "beta", "--functional hinge --latent least", "--latent least"},
	{"train strips|speech", "gamma", "", "--functional square_exp --base log_probability --latent least"},
	{"train strips|speech", "cap delta", "", "--functional lvq2 --latent least"},
	{"train speech", "priors=0.5", "--latent least", ""},
	{"train strips|speech", "freeze new-head", "", "--encoder net.onnx"},
	{"train strips", "channels", "--encoder net.onnx", ""},

	{"train search", "mining soft-margin", "--loss sup_con", "--loss triplet"},
	{"train search", "margin", "--loss nt_xent", "--loss contrastive"},
	{"train search", "margin", "--loss sup_con", "--loss triplet --soft-margin"},
	{"train search", "margin=0", "", "!"},
	{"train search", "temperature", "", "--loss proxy_nca"},
	{"train search", "temperature=0", "--loss sup_con", "!"},
	{"train search", "scale", "", "--loss circle"},
	{"train search", "scale=0", "--loss circle", "!"},
	{"train search", "memory", "--loss n_pairs", "--loss contrastive"},
	{"train search", "m-per-class=2", "--loss vicreg", ""},
	{"train search", "m-per-class=0", "", "!"},
	{"train search", "augment", "--loss barlow_twins", ""},
	{"train search", "flip brightness", "", "--augment"},
	{"train search", "flip brightness", "", "--loss vicreg"},
	{"train search", "test-share", "--hold-out-classes a", ""},

	{"train pictures", "flip brightness", "", "--augment"},
	{"train pictures", "size channels=3 strict test-share test", "--data digits", ""},
	{"train pictures", "test-share", "--test nowhere", ""},
	{"train pictures", "margin", "", "--functional hinge"},
	{"train pictures", "rival", "--functional perceptron", "--functional hinge"},
	{"train pictures", "beta", "--functional hinge", ""},
	{"train pictures", "gamma", "", "--functional square_exp"},
	{"train pictures", "cap delta", "", "--functional lvq2"},
	{"train pictures", "cost", "", "--functional margin_cost"},
	{"train pictures", "label-smoothing", "", "--loss cross_entropy"},
	{"train pictures", "functional", "--loss mse", ""},
	{"train pictures|search|siamese", "output freeze", "", "--encoder net.onnx"},

	{"train siamese", "flip brightness", "", "--augment"},
	{"train siamese", "data test", "--pairs x.csv", ""},
	{"train siamese", "test-pairs", "", "--pairs x.csv"},
	{"train siamese", "test-share", "--pairs x.csv --test-pairs y.csv", "--pairs x.csv"},
	{"train siamese", "margin=0", "", "!"},
	{"train search|siamese", "size channels=3 strict test-share test", "--data digits", ""},
	{"train search|siamese", "test-share", "--test nowhere", ""},

	{"compare digits", "margin", "--functional nll,energy", "--functional nll,hinge"},
	{"compare digits", "beta", "--functional hinge,energy", ""},
	{"compare digits", "gamma", "--functional nll", ""},
	{"compare digits", "cap delta", "--functional nll,hinge", "--functional lvq2"},
	{"compare digits", "codes", "", "--energy code"},
	{"compare digits", "label-smoothing", "", "--loss cross_entropy,mse"},
	{"compare digits", "functional", "--loss mse", ""},
	{"compare digits", "cost", "--functional nll,energy", "--functional margin_cost"},
	{"compare digits", "batch=0 lr=0", "", "!"},

	{"sweep parabola", "trials", "--lr 0.1,0.2", "--lr 0.1,0.2 --search random"},
	{"sweep parabola", "points", "--lr 0.1,0.2", "--lr lin:0.1..0.2"},
	{"sweep parabola", "points", "--lr lin:0.1..0.2 --search random", "--lr log:0.1..0.2"},
	{"sweep parabola", "budget eta", "--lr 0.1,0.2 --search random", "--lr 0.1,0.2 --search halving --trials 1 --budget 2"},
	{"sweep parabola", "epochs", "--lr 0.1,0.2 --search halving --budget 2", "!"},

	{"transcribe tokens.txt nowhere", "threshold top-tokens delay word-bonus", "", "--beam 4"},
	{"transcribe tokens.txt nowhere", "lm-weight", "--beam 4", "--lm nowhere.arpa"},
	{"transcribe tokens.txt nowhere", "unk", "--beam 4", "--lm nowhere.arpa"},
	{"transcribe tokens.txt nowhere", "tokenizer", "--beam 4", "--hot a"},
	{"transcribe tokens.txt nowhere", "hot-boost", "--hot a=1", "--hot a"},
	{"transcribe tokens.txt nowhere", "edits", "", "--manifest nowhere.csv"},
	{"transcribe tokens.txt nowhere", "edits", "--manifest nowhere.csv --json", "--manifest nowhere.csv"},
	{"transcribe tokens.txt nowhere", "chunk", "", "--stream"},
	{"transcribe tokens.txt nowhere", "frame=0.1", "--beam 4", "--beam 4 --delay 1"},
	{"transcribe tokens.txt nowhere", "frame=0.1", "", "--out x.srt"},
	{"transcribe tokens.txt nowhere", "normalise=en", "", "--manifest nowhere.csv"},
	{"transcribe tokens.txt nowhere", "times", "", "--json"},
	{"transcribe tokens.txt nowhere", "resume", "", "--out x.srt"},
	{"transcribe tokens.txt nowhere", "resume", "--out x.srt --stream", "--out x.srt"},
	{"transcribe tokens.txt nowhere", "max-chars max-lines max-seconds min-seconds max-rate pause", "--out x.ctm", "--out x.srt"},
	{"transcribe tokens.txt nowhere", "word-times", "--out x.srt", "--out x.vtt"},

	{"transcribe tokens.txt nowhere", "token-file=a remote-model", "", "--server http://127.0.0.1:1 --channel each"},
	{"transcribe nowhere", "out=x.srt manifest stream word-bonus max-chars frame resume best", "--server http://127.0.0.1:1", "!"},
	{"transcribe nowhere", "times", "--server http://127.0.0.1:1", "--server http://127.0.0.1:1 --json --channel each"},
	{"transcribe nowhere", "lm-weight", "--server http://127.0.0.1:1", "--server http://127.0.0.1:1 --lm a --channel each"},
	{"transcribe nowhere", "normalise", "--server http://127.0.0.1:1", "--server http://127.0.0.1:1 --hot a --channel each"},
	{"transcribe nowhere", "hot-boost", "--server http://127.0.0.1:1 --hot a=1", "--server http://127.0.0.1:1 --hot a --channel each"},

	{"align tokens.txt nowhere a", "truth", "", "!"},
	{"align tokens.txt", "text", "--manifest nowhere.csv", "!"},
	{"align tokens.txt", "resume", "--manifest nowhere.csv", "--manifest nowhere.csv --out %.json"},
	{"align tokens.txt nowhere a", "resume", "--out x.json", "!"},
	{"align tokens.txt nowhere a", "max-chars max-lines max-seconds min-seconds max-rate pause", "--out x.ctm", "--out x.srt"},
	{"align tokens.txt nowhere a", "word-times", "--out x.srt", "--out x.vtt"},
	{"align tokens.txt nowhere a", "keep-lines", "--out x.ctm", "--out x.srt"},
	{"align tokens.txt nowhere", "keep-lines", "--out x.srt", "a --out x.srt"},
	{"align tokens.txt nowhere", "normalise=en unknown=skip tokenizer", "", "a"},
	{"align tokens.txt nowhere a", "from to", "--out x.json", "--out x.png"},
	{"align tokens.txt nowhere a", "coarse", "", "!"},
	{"align tokens.txt nowhere", "star=sentences", "", "!"},

	{"index query nowhere nowhere.png", "token-file=a", "", "--server http://127.0.0.1:1"},
	{"index query nowhere nowhere.png", "run out", "--server http://127.0.0.1:1", ""},

	{"studio nowhere", "listen host=a open=false index=a=b model=a=b", "--export site", "!"},
	{"studio nowhere", "runs=a", "", "--export site"},

	{"serve search nowhere", "max-batch", "--read-only", ""},
	{"serve search nowhere", "tls-key=a", "", "--tls-cert a"},
	{"serve search nowhere", "log-level=info", "--log none", ""},
}

// counting lists the flags that always count, command by command; those of "train *" are all jobs'.
var counting = map[string]string{
	"train *": `run config resume json quiet data optimizer weight-decay l1 schedule warmup clip ema validation patience limit seed threads checkpoint
		model loss energy augment width spectral-norm k step-size noise slope-clip buffer energy-l2 data-noise foreign density hidden latent chains stochastic annealing
		longest strips tested channels rate mels priors test tags column test-data hold-out-classes raw dim size strict pairs set objective m-per-class functional per-word latent per-frame`,
	"compare digits": `run config csv json quiet data optimizer weight-decay l1 schedule warmup clip ema validation patience limit threads checkpoint
		epochs seeds energy augment model loss rival`,
	"transcribe":   "channel beam lm lexicon hot hot-file best manifest stream logits probs lengths blank separator json out server",
	"align":        "out manifest channel frame logits probs lengths blank separator json min-confidence",
	"serve search": `run listen read-only host max-body max-pixels max-k max-requests memory tokens tls-cert cors log`,
}

// arguments of flags that have no use for 2.
var arguments = map[string]string{
	"codes": "learned", "functional": "hinge", "label-smoothing": "0.1", "mining": "all", "optimizer": "sgd", "schedule": "step", "ema": "0.9",
	"restart": "0.5", "data": "nowhere", "test": "nowhere", "test-share": "0.3", "test-pairs": "nowhere", "size": "32", "margin": "0.5",
	"rival": "wrong", "zero": "minimum", "base": "log_probability", "truth": "nowhere", "text": "nowhere", "cost": "[[0,1],[1,0]]",
}

// TestVoidFlags holds every flag of the jobs, and of the other commands that take much, against the tables.
func TestVoidFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeDigits("digits", 10, 10); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"tokens.txt": "<blank>\na\n", "cost.yaml": "functional: margin_cost\ncost: [[0, 1], [1, 0]]\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tested := map[string][]string{}
	for _, row := range voids {
		for _, words := range commandsOf(row.command) {
			for _, flag := range strings.Fields(row.flags) {
				name, value, _ := strings.Cut(flag, "=")
				f := flagOf(t, words, name)
				if f == nil {
					if strings.HasPrefix(row.command, "train *") {
						continue // not all jobs have it
					}
					t.Fatalf("%s has no flag %s", row.command, name)
				}
				tested[f.CommandPath] = append(tested[f.CommandPath], name)
				flag := "--" + name
				switch {
				case value != "":
					flag += "=" + value
				case f.Value.Type() != "bool":
					flag += "=" + argument(name)
				}
				refused, void := ended(append(append(slices.Clone(words), strings.Fields(row.void)...), flag))
				if !refused || !void {
					t.Errorf("%v %s %s is taken", words, row.void, flag)
				}
				if row.counts == "!" {
					continue
				}
				args := append(append(append(slices.Clone(words), strings.Fields(row.counts)...), elsewhere(words, row.counts, name)...), flag)
				if _, void := ended(args); void {
					t.Errorf("%v is refused", args)
				}
			}
		}
	}
	for _, command := range []string{"train", "compare digits", "transcribe", "align", "serve search"} {
		cmd, _, err := Energo().root().Find(strings.Fields(command))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(cmd.Commands(), cmd) {
			always := strings.Fields(counting[strings.TrimPrefix(c.CommandPath(), "energo ")])
			if c != cmd && slices.ContainsFunc(jobs.All(), func(j job.Job) bool { return j.Name == c.Name() }) {
				continue
			}
			if c != cmd {
				always = strings.Fields(counting["train *"])
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" && !slices.Contains(always, f.Name) && !slices.Contains(tested[c.CommandPath()], f.Name) {
					t.Errorf("%s --%s has no row: what makes it void, or does it always count?", c.CommandPath(), f.Name)
				}
			})
		}
	}
}

// TestVoidSettings: of every job of the table, a setting that one other setting makes void is refused beside it as a flag, and
// is taken beside one with which it counts. Settings that count at some values of one other must be void at others, or the test has
// nothing to hold.
func TestVoidSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	held := 0
	for _, j := range jobs.All() {
		for _, name := range j.New().Options().Names() {
			void, counts := beside(j, name)
			if len(void) == 0 {
				continue
			}
			if len(counts) == 0 {
				t.Errorf("%s: no single setting makes %s count", j.Name, name)
				continue
			}
			held++
			o := j.New().Options().Find(name)
			flag := "--" + o.Flag() + "=" + values(o)[0]
			args := []string{"train", j.Name}
			if refused, isVoid := ended(append(append(slices.Clone(args), void[0]...), flag)); !refused || !isVoid {
				t.Errorf("%v %v %s is taken", args, void[0], flag)
			}
			args = append(append(args, counts[0]...), elsewhere(args, strings.Join(counts[0], " "), o.Flag())...)
			if _, isVoid := ended(append(args, flag)); isVoid {
				t.Errorf("%v %s is refused", args, flag)
			}
		}
	}
	if held < 5 {
		t.Errorf("only %d settings of all jobs can be void; the search is broken", held)
	}
}

// beside returns the flags beside which a setting of a job is void, and those beside which it counts: none, or one that is not void itself.
func beside(j job.Job, name string) (void, counts [][]string) {
	try := func(s job.Spec, flags ...string) {
		o := s.Options().Find(name)
		if err := o.Set(values(o)[0]); err != nil {
			return
		}
		if o.Void() != "" {
			void = append(void, flags)
		} else {
			counts = append(counts, flags)
		}
	}
	try(j.New())
	for _, other := range j.New().Options().Names() {
		for _, value := range values(j.New().Options().Find(other)) {
			s := j.New()
			o := s.Options().Find(other)
			if err := o.Set(value); err == nil && o.Void() == "" && other != name {
				try(s, "--"+o.Flag()+"="+value)
			}
		}
	}
	return void, counts
}

// values are some that a setting may have, other than its default where it has choices.
func values(o *option.Option) (all []string) {
	for _, v := range o.Choices() {
		if v != o.String() {
			all = append(all, v)
		}
	}
	switch {
	case len(all) > 0:
	case o.Type() == "bool":
		all = []string{"true"}
	case o.Type() == "string" || o.Type() == "strings":
		all = []string{"nowhere"}
	case o.Type() == "matrix":
		all = []string{"[[0,1],[1,0]]"}
	case o.Type() == "float":
		all = []string{"0.5"}
	default:
		all = []string{"2"}
	}
	return all
}

// flagAt is a flag and the command that has it.
type flagAt struct {
	*pflag.Flag
	CommandPath string
}

func flagOf(t *testing.T, words []string, name string) *flagAt {
	t.Helper()
	cmd, _, err := Energo().root().Find(words)
	if err != nil {
		t.Fatal(err)
	}
	f := cmd.Flags().Lookup(name)
	if f == nil {
		return nil
	}
	return &flagAt{f, cmd.CommandPath()}
}

// commandsOf returns the commands that a row's text names.
func commandsOf(text string) (all [][]string) {
	words := strings.Fields(text)
	if words[0] != "train" {
		return [][]string{words}
	}
	names := strings.Split(words[1], "|")
	if words[1] == "*" {
		names = nil
		for _, c := range newTrain(jobs.All(), func(job.Job) bool { return true }).Commands() {
			names = append(names, c.Name())
		}
	}
	for _, n := range names {
		all = append(all, []string{"train", n})
	}
	return all
}

func argument(flag string) string {
	if a, ok := arguments[flag]; ok {
		return a
	}
	return "2"
}

// elsewhere has a job look for its data where there is none, so that it ends before it trains.
func elsewhere(words []string, args, flag string) []string {
	if words[0] != "train" && words[0] != "compare" || strings.Contains(args, "--pairs") || flag == "data" {
		return nil
	}
	if words[1] == "search" && !strings.Contains(args, "--loss") && !strings.Contains(args, "--data") && flag != "loss" {
		return []string{"--data", "nowhere", "--loss", "triplet"} // which the digits have by default
	}
	return []string{"--data", "nowhere"}
}

// ended runs a command line that must fail, and says whether it was refused for what was typed, and that as void.
func ended(args []string) (refused, void bool) {
	var out, warn bytes.Buffer
	code := Energo().Main(args, &out, &warn)
	text := warn.String()
	return code == exitUsage, strings.Contains(text, "has no effect") || strings.Contains(text, "instead of a functional")
}

// TestConfigFilesOmitVoidSettings: a file of settings names what counts, and naming another in it is refused.
func TestConfigFilesOmitVoidSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeDigits("digits", 60, 20); err != nil {
		t.Fatal(err)
	}
	train := func(args ...string) (string, int) {
		var out, warn bytes.Buffer
		code := Energo().Main(append([]string{"train"}, args...), &out, &warn)
		return warn.String(), code
	}
	small := []string{"--data", "digits", "--epochs", "1", "--validation", "10", "--quiet"}
	for run, args := range map[string][]string{
		"nll":    {"digits", "--model", "linear"},
		"hinge":  {"digits", "--model", "linear", "--functional", "hinge", "--margin", "2"},
		"mse":    {"digits", "--model", "linear", "--loss", "mse"},
		"search": {"search", "--dim", "4", "--batch", "8"},
	} {
		if text, code := train(append(append(args, small...), "--run", run)...); code != 0 {
			t.Fatalf("%s: exit code %d: %s", run, code, text)
		}
		text, err := os.ReadFile(filepath.Join(run, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		has := func(name string) bool { return strings.Contains("\n"+string(text), "\n"+name+":") }
		want := map[string]map[string]bool{
			"nll":    {"beta": true, "functional": true, "margin": false, "codes": false, "gamma": false, "cap": false, "delta": false, "lr": true},
			"hinge":  {"margin": true, "beta": false, "codes": false},
			"mse":    {"loss": true, "functional": false, "beta": false, "margin": false},
			"search": {"mining": true, "temperature": false, "scale": false, "margin": false, "size": false, "test_share": false, "flip": false, "dim": true},
		}[run]
		for name, yes := range want {
			if has(name) != yes {
				t.Errorf("%s: config.yaml names %s is %v:\n%s", run, name, !yes, text)
			}
		}
		if text, code := train(args[0], "--config", filepath.Join(run, "config.yaml"), "--run", run+"-again", "--quiet"); code != 0 {
			t.Errorf("%s again: exit code %d: %s", run, code, text)
		}
	}
	if text, code := train("digits", "--config", filepath.Join("hinge", "config.yaml"), "--functional", "nll"); code != exitUsage || !strings.Contains(text, "config.yaml: margin 2 has no effect: the functional nll takes beta") {
		t.Errorf("exit code %d: %s", code, text)
	}
}
