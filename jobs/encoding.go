package jobs

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
)

// PictureSettings are the settings of jobs that train networks of pictures: where pictures come from, what is done to them, what the network begins with, and training.
type PictureSettings struct {
	Data      string  // folder with a subfolder a class, CSV file path,label, or folder of four IDX files; "" is MNIST
	Test      string  // test pictures, as data; "" is a share of data, but IDX files have their own
	TestShare float64 // of each class, where there is no test set
	Size      int     // pixels of a side; of IDX files the pictures' own
	Channels  string  // auto, 1, 3; of IDX files 1
	Strict    bool    // stop at a picture that cannot be read

	Encoder string // what the network begins with: an ONNX model of pictures, with its card, or the folder of a run; "" is a network of energo's own
	Output  string // the value of its graph that the network takes; "" is what the card says, or the job's default
	Freeze  string // of its parameters, a regular expression of those that stay as they are

	Augment, Flip, Brightness bool // shift, turn and scale training pictures; … and mirror them; … and change brightness and contrast
	Plain                     bool // photographs are trained on as they are, too

	// Sets reads the pictures of two sources, in a program with data of its own; nil is data.LoadPictures.
	Sets func(ctx context.Context, source, test string, o data.PictureOptions, progress data.Progress) (trainSet, testSet *data.Pictures, skipped []error, err error)

	job.Training

	begun *encode.Network // a run's own network, which this one begins with; nil where there is none
	rated bool            // no setting says what LR is
	photo bool            // the training pictures are photographs, which change at random as such: adapt has said so
}

// Encoding is the settings of jobs that train encoders.
type Encoding struct {
	PictureSettings
	Dim int // coordinates of a vector; 0 is what the encoder gives, or the job's default
}

// channelChoices are what the setting channels may be.
var channelChoices = []string{"auto", "1", "3"}

func defaultEncoding() Encoding {
	return Encoding{PictureSettings: defaultPictures(0, 0)}
}

func defaultPictures(epochs, batch int) PictureSettings {
	t := job.DefaultTraining()
	t.Epochs, t.Batch, t.Validation = epochs, batch, 0
	return PictureSettings{TestShare: 0.2, Size: 64, Channels: "auto", Training: t}
}

// finetuned is how much smaller the steps are by default where training begins with an imported encoder.
const finetuned = 1. / 10

// settle puts defaults where settings are 0, but for those that adapt chooses. dim is the job's, epochs and batch those of digits.
func (c *Encoding) settle(dim, epochs, batch int, digits bool) error {
	if c.Encoder == "" {
		c.Dim = cmp.Or(c.Dim, dim)
	}
	c.finetune()
	if digits {
		c.Settle(epochs, batch)
	}
	return checkPattern(c.Freeze)
}

// settle puts defaults where settings are 0.
func (c *PictureSettings) settle() error {
	c.finetune()
	c.Settle(c.Epochs, c.Batch)
	return checkPattern(c.Freeze)
}

// finetune puts in the size of the steps of an imported encoder.
func (c *PictureSettings) finetune() {
	if c.Encoder != "" && c.LR == 0 {
		c.LR, c.rated = finetuned*job.RateDefaults[c.Optimizer], true
	}
}

// checkPattern refuses a pattern of parameters that is no regular expression.
func checkPattern(freeze string) error {
	if _, err := regexp.Compile(freeze); err != nil {
		return fmt.Errorf("freeze is %q, which is no regular expression: %s", excerpt.Of(freeze), excerpt.Error(err))
	}
	return nil
}

// openBase opens the imported encoder that the network begins with; nil where it is energo's own. A run that is opened again has a copy. features is as encode.BaseInput has it.
func (c *PictureSettings) openBase(env job.Env, features bool) (*encode.Base, error) {
	switch {
	case c.Encoder == "":
		return nil, nil
	case env.Run != "":
		return encode.ReopenBase(env.Run)
	}
	return encode.OpenBase(c.Encoder, encode.BaseInput{Side: c.Size, Output: c.Output, Features: features})
}

// isRun says whether a path is the folder of a run that has trained an encoder.
func isRun(path string) bool { return exists(filepath.Join(path, encode.CardFile)) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// base is openBase, but an encoder may be a run's folder, too. Where that run's network is energo's own, it is begun, and there is no base; sizes are then that network's.
func (c *Encoding) base(env job.Env) (*encode.Base, error) {
	b, err := c.PictureSettings.base(env, false)
	switch n := c.begun; {
	case err != nil || n == nil:
		return b, err
	case n.Spec.Network != encode.Own(n.Height, n.Width):
		return nil, fmt.Errorf("%s: the run's network is of an earlier form; train it again", c.Encoder)
	case c.Dim != 0 && c.Dim != n.Dim:
		return nil, fmt.Errorf("dim is %d; vectors of the run in %s have %d numbers", c.Dim, c.Encoder, n.Dim)
	default:
		c.Dim = n.Dim
	}
	return nil, nil
}

// base is openBase for ONNX files and runs. layered says that the network has a layer of its own behind an encoder's.
func (c *PictureSettings) base(env job.Env, layered bool) (*encode.Base, error) {
	switch {
	case c.Encoder == "", env.Run == "" && !isRun(c.Encoder), env.Run != "" && exists(filepath.Join(env.Run, encode.ImportedFile)):
		return c.openBase(env, layered)
	case env.Run != "": // the weights are in its checkpoint
		return nil, nil
	}
	m, err := encode.Open(c.Encoder)
	if err != nil {
		return nil, err
	}
	n := m.Network()
	switch {
	case c.Output != "":
		return nil, fmt.Errorf("output is %q; the network of a run has one output", excerpt.Of(c.Output))
	case n.Imported && layered:
		return encode.OpenRunBase(c.Encoder)
	case n.Imported:
		return encode.ReopenBase(c.Encoder)
	case n.Height != n.Width && !c.digits():
		return nil, fmt.Errorf("%s: the run's pictures have %d×%d pixels; they must be square", c.Encoder, n.Width, n.Height)
	}
	if c.begun = n; !c.digits() {
		c.Size, c.Channels = n.Height, fmt.Sprint(n.Channels)
	}
	return nil, nil
}

// encoderHelp is the help of the setting encoder.
const encoderHelp = "what the network begins with: an ONNX model of pictures, whose card, net.energo.yaml beside net.onnx, says what it takes (docs/onnx.md), or the folder of a finished run of search or siamese"

// options lists the settings of pictures. listed says whether the setting data names them, jittered whether training pictures are
// changed at random, and tested why the test is no share of the data; "" where it is one.
func (c *Encoding) options(listed, jittered func() bool, tested func() string) option.List {
	list := c.PictureSettings.options(listed, jittered, tested)
	at := slices.IndexFunc(list, func(o option.Option) bool { return o.Name == "augment" })
	list = slices.Insert(list, at+3, option.New(&c.Plain, "plain", "train on photographs as they are; by default they are cropped, mirrored and changed in colour at random",
		option.When(func() bool { return !c.Augment }, option.Because("augment says what is done")), option.When(func() bool { return !c.digits() }, option.Because("digits are taken as they are"))))
	return slices.Insert(list, at, option.New(&c.Dim, "dim", "numbers of a vector; with --encoder, a linear layer makes them unless the encoder gives as many", option.Whole(1, encode.MaxDim), option.Unset("the job's, or what the encoder gives")))
}

// options is as Encoding's, without what is of vectors.
func (c *PictureSettings) options(listed, jittered func() bool, tested func() string) option.List {
	files := func() bool { return !listed() || c.Sets != nil || c.Data != "" && !data.HasDigits(c.Data) }
	scaled := option.When(files, option.Because("the data is in IDX files, whose pictures stay as they are"))
	apart := option.When(files, option.Because("the data is in IDX files, which have a test set"))
	named := option.When(listed, option.Because("pairs names the pictures"))
	imported := option.When(func() bool { return c.Encoder != "" }, option.Because("there is no encoder"))
	part := option.When(jittered, option.Because("it is a part of augment, which is off"))
	return option.List{
		option.New(&c.Data, "data", "folder with a subfolder of pictures a class, CSV file path,label, or folder of four IDX files (default MNIST, fetched once)", option.Arg("folder"), option.Path, named),
		option.New(&c.Test, "test", "test pictures, folder or list as --data (default a share of that; IDX files have their own)", option.Arg("folder"), option.Path, apart, named),
		option.New(&c.TestShare, "test_share", "share of each class that is kept for the test where there is no test set", option.Share, apart,
			option.When(func() bool { return tested() == "" }, tested)),
		option.New(&c.Size, "size", "pixels of a side that pictures are scaled to; those in IDX files stay as they are", option.Whole(encode.MinSide, encode.MaxSide), scaled),
		option.New(&c.Channels, "channels", "channels of a picture; auto is 1 where all pictures are grey", option.OneOf(channelChoices...), scaled),
		option.New(&c.Strict, "strict", "stop at a picture that cannot be read, instead of leaving it out and saying so", scaled),
		option.New(&c.Encoder, "encoder", encoderHelp, option.Arg("file"), option.Path),
		option.New(&c.Output, "output", "value of the encoder's graph that the network takes: an output, or the result of a node (default what the card says, or the first output)", option.Arg("name"), imported),
		option.New(&c.Freeze, "freeze", "regular expression of the encoder's parameters that stay as they are: of their names, or of those of the nodes that take them", option.Arg("pattern"), imported),
		option.New(&c.Augment, "augment", "shift, turn and scale the training pictures a little at random"),
		option.New(&c.Flip, "flip", "with --augment: mirror every other one, too", part),
		option.New(&c.Brightness, "brightness", "with --augment: change brightness and contrast, too", part),
	}
}

// training lists the settings of training, of which validation has a default of its own.
func (c *PictureSettings) training() option.List {
	list := c.Training.Options()
	list.Find("validation").Help = fmt.Sprintf("training samples held out to choose the best epoch by; 0 is a tenth, %d at most", heldMost)
	return list
}

// load reads the pictures that the settings name. test is nil where a share of the others is to be taken.
func (c *PictureSettings) load(ctx context.Context, base *encode.Base, env job.Env) (trainSet, test *data.Pictures, err error) {
	return c.read(ctx, c.Data, c.Test, c.scaling(base), env)
}

// scaling says how pictures are to be read.
func (c *PictureSettings) scaling(base *encode.Base) data.PictureOptions {
	if base != nil {
		o := base.Pictures()
		o.Skip = !c.Strict
		return o
	}
	channels := map[string]int{"1": 1, "3": 3}
	return data.PictureOptions{C: channels[c.Channels], H: c.Size, W: c.Size, Skip: !c.Strict}
}

// loadOther reads the pictures to measure on instead of the test set, of the size of those that are trained on: the test set of the
// env's data, or all that are there.
func (c *PictureSettings) loadOther(ctx context.Context, env job.Env, trained *data.Pictures) (*data.Pictures, error) {
	all, test, err := c.read(ctx, env.Data, "", c.like(trained), env)
	return cmp.Or(test, all), err
}

// like says how pictures are read that go with those of a set.
func (c *PictureSettings) like(set *data.Pictures) data.PictureOptions {
	return data.PictureOptions{C: set.C, H: set.H, W: set.W, Skip: !c.Strict}
}

func (c *PictureSettings) read(ctx context.Context, source, test string, o data.PictureOptions, env job.Env) (trainSet, testSet *data.Pictures, err error) {
	load := c.Sets
	if load == nil {
		load = data.LoadPictures
	}
	trainSet, testSet, skipped, err := load(ctx, source, test, o, env.Progress)
	env.Skip(skipped)
	return trainSet, testSet, err
}

func (c *PictureSettings) jitter() data.Jitter {
	return data.Jitter{Flip: c.Flip, Brightness: c.Brightness, Photo: c.photo}
}

// batch writes training pictures, jittered where that is a setting, [len(indices), c, h, w].
func (c *PictureSettings) batch(x *tensor.Tensor, set *data.Pictures, indices []int, rng *rand.Rand) {
	x.Resize(len(indices), set.C, set.H, set.W)
	if c.Augment || c.photo {
		set.Jittered(x.Float32s(), indices, c.jitter(), rng)
	} else {
		set.Batch(x.Float32s(), indices)
	}
}

// picturesSum stands for pictures in a checkpoint's settings: the data may have moved.
func picturesSum(set *data.Pictures) string {
	sum := crc32.ChecksumIEEE(set.Pixels)
	for _, y := range set.Labels {
		sum = crc32.Update(sum, crc32.IEEETable, []byte{byte(y), byte(y >> 8), byte(y >> 16)})
	}
	return fmt.Sprintf("%d pictures of %d×%d×%d with checksum %08x", set.N, set.C, set.H, set.W, sum)
}

// encoderTask is what the models of search and siamese have in common: a network that makes vectors of pictures.
type encoderTask struct {
	*encode.Network
	trainedOn
	diagnosed
	shown *data.Pictures // of the test
	notes []string       // what the data has chosen, and what is odd about it
	look  *encode.Worker

	criterion nn.Criterion
	x         *tensor.Tensor // a batch's pictures
}

// newEncoderTask returns the untrained network of a job for pictures such as those trained on. sum stands for the training data.
func (c *Encoding) newEncoderTask(job string, base *encode.Base, trained, test *data.Pictures, sum string, unit bool, metric distance.Kind) (encoderTask, error) {
	if err := sameSize(trained, test); err != nil {
		return encoderTask{}, err
	}
	n, err := c.network(encode.Spec{
		Job: job, Channels: trained.C, Height: trained.H, Width: trained.W, Dim: c.Dim, Unit: unit, Metric: metric,
		DarkBackground: trained.DarkBackground(), Network: encode.Own(trained.H, trained.W),
	}, base)
	if err != nil {
		return encoderTask{}, err
	}
	c.Dim = n.Dim
	return encoderTask{Network: n, look: n.Worker(), x: tensor.New(tensor.Float32), trainedOn: trainedOn{sum}, shown: test}, nil
}

// sameSize refuses test pictures of another size or number of channels.
func sameSize(trained, test *data.Pictures) error {
	if test.C != trained.C || test.H != trained.H || test.W != trained.W {
		return fmt.Errorf("training pictures are %d×%d×%d, test pictures %d×%d×%d; they must be alike", trained.C, trained.H, trained.W, test.C, test.H, test.W)
	}
	return nil
}

// network is energo's own, or begins with base.
func (c *Encoding) network(s encode.Spec, base *encode.Base) (*encode.Network, error) {
	if base == nil {
		return c.own(s)
	}
	o, err := c.beginning(base, s.Channels, s.Height, s.Width)
	if err != nil {
		return nil, err
	}
	s.Network = ""
	return base.Network(s, o)
}

// own is energo's own network, with the weights of the one that it begins with.
func (c *Encoding) own(s encode.Spec) (*encode.Network, error) {
	n, err := encode.NewNetwork(s, c.Seed)
	if err != nil {
		return nil, err
	}
	params := n.Module.Params()
	if c.begun != nil {
		if s.Channels != c.begun.Channels || s.Height != c.begun.Height || s.Width != c.begun.Width {
			return nil, fmt.Errorf("the pictures are %d×%d×%d; the run in %s takes %d×%d×%d", s.Channels, s.Height, s.Width, c.Encoder, c.begun.Channels, c.begun.Height, c.begun.Width)
		}
		for i, p := range c.begun.Module.Params() {
			copy(params[i].Value.Float32s(), p.Value.Float32s())
		}
	}
	return n, c.freeze(params)
}

// freeze holds the parameters still that the pattern of the setting freeze names, and refuses one that names none.
func (c *PictureSettings) freeze(params []*autodiff.Param) error {
	if c.Freeze == "" {
		return nil
	}
	matched, names := false, []string(nil)
	for _, p := range params {
		p.Frozen = p.Frozen || regexp.MustCompile(c.Freeze).MatchString(p.Name) // which settle has tried
		matched = matched || p.Frozen
		names = append(names, p.Name)
	}
	if !matched {
		return fmt.Errorf("freeze is %q, which matches no parameter; there are %s", excerpt.Of(c.Freeze), list(names))
	}
	return nil
}

// beginning says how a network of pictures of some size is made of an encoder, and refuses pictures that it does not take.
func (c *PictureSettings) beginning(base *encode.Base, channels, h, w int) (encode.BaseOptions, error) {
	o := encode.BaseOptions{Seed: c.Seed}
	if p := base.Pictures(); channels != p.C || h != p.H || w != p.W {
		return o, fmt.Errorf("the pictures are %d×%d×%d; the encoder takes %d×%d×%d", channels, h, w, p.C, p.H, p.W)
	}
	if c.Freeze != "" {
		o.Freeze = regexp.MustCompile(c.Freeze) // which settle has tried
	}
	return o, nil
}

func (t *encoderTask) Load(dir string) error {
	return nn.Load(filepath.Join(dir, encode.WeightsFile), t.Module)
}

// Pictures implements job.Pictured.
func (t *encoderTask) Pictures() (report.Images, error) {
	return report.PlaneImages(t.shown.Pixels, t.shown.C, t.shown.H, t.shown.W)
}

// BestFromStart implements job.Beginner: first weights that are computed from the pictures, or imported, may find better than trained ones.
func (t *encoderTask) BestFromStart() bool { return true }

// distance is the network's metric as packages pair and retrieval have it.
func (t *encoderTask) distance() distance.Measure {
	return distance.Measure{Kind: t.Metric}
}

// vectorsOf are the vectors x of a set's pictures for the report.
func (t *encoderTask) vectorsOf(set *data.Pictures, x []float32) *report.Vectors {
	return &report.Vectors{Values: x, Dim: t.Dim, Labels: set.Labels, Classes: set.Classes, Paths: set.Paths, Metric: t.Metric}
}
