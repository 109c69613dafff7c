package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/train"
)

// PictureSettings are the settings of jobs that train networks of pictures: where pictures come from, what is done to them, what the network begins with, and training.
type PictureSettings struct {
	Data      string  // folder with a subfolder a class, CSV file path,label, or folder of four IDX files; "" is MNIST
	Test      string  // test pictures, as data; "" is a share of data, but IDX files have their own
	TestShare float64 // of each class, where there is no test set
	Size      int     // pixels of a side; of IDX files the pictures' own
	Channels  string  // auto, 1, 3; of IDX files 1
	SkipBad   bool    // leave out pictures that cannot be read

	Encoder string // ONNX model of pictures, with its card, that the network begins with; "" is a network of energo's own
	Output  string // the value of its graph that the network takes; "" is what the card says, or the job's default
	Freeze  string // of its parameters, a regular expression of those that stay as they are

	Augment, Flip, Brightness bool // shift, turn and scale training pictures; … and mirror them; … and change brightness and contrast

	// Sets reads the pictures of two sources, in a program with data of its own; nil is data.LoadPictures.
	Sets func(ctx context.Context, source, test string, o data.PictureOptions, progress data.Progress) (trainSet, testSet *data.Pictures, skipped []error, err error)

	job.Training
}

// Encoding is the settings of jobs that train encoders.
type Encoding struct {
	PictureSettings
	Dim int // coordinates of a vector; 0 is what the encoder gives, or the job's default
}

// channelChoices are what the setting channels may be.
var channelChoices = []string{"auto", "1", "3"}

func defaultEncoding(epochs, batch int) Encoding {
	return Encoding{PictureSettings: defaultPictures(epochs, batch)}
}

func defaultPictures(epochs, batch int) PictureSettings {
	t := job.DefaultTraining()
	t.Epochs, t.Batch, t.Validation = epochs, batch, 0
	return PictureSettings{TestShare: 0.2, Size: 64, Channels: "auto", Training: t}
}

// finetuned is how much smaller the steps are by default where training begins with an imported encoder.
const finetuned = 1. / 10

// settle puts defaults where settings are 0. dim is the job's.
func (c *Encoding) settle(dim int) error {
	if c.Encoder == "" {
		c.Dim = cmp.Or(c.Dim, dim)
	}
	return c.PictureSettings.settle()
}

// settle puts defaults where settings are 0.
func (c *PictureSettings) settle() error {
	if c.Encoder != "" && c.LR == 0 {
		c.LR = finetuned * job.RateDefaults[c.Optimizer]
	}
	c.Settle(c.Epochs, c.Batch)
	return checkPattern(c.Freeze)
}

// checkPattern refuses a pattern of parameters that is no regular expression.
func checkPattern(freeze string) error {
	if _, err := regexp.Compile(freeze); err != nil {
		return fmt.Errorf("freeze is %q, which is no regular expression: %s", excerpt.Of(freeze), excerpt.Error(err))
	}
	return nil
}

// base opens the encoder that the network begins with; nil where it is energo's own. A run that is opened again has a copy. features is as encode.BaseInput has it.
func (c *PictureSettings) base(env job.Env, features bool) (*encode.Base, error) {
	switch {
	case c.Encoder == "":
		return nil, nil
	case env.Run != "":
		return encode.ReopenBase(env.Run)
	}
	return encode.OpenBase(c.Encoder, encode.BaseInput{Side: c.Size, Output: c.Output, Features: features})
}

// options lists the settings of pictures. listed says whether the setting data names them, jittered whether training pictures are
// changed at random, and tested why the test is no share of the data; "" where it is one.
func (c *Encoding) options(listed, jittered func() bool, tested func() string) option.List {
	list := c.PictureSettings.options(listed, jittered, tested)
	at := slices.IndexFunc(list, func(o option.Option) bool { return o.Name == "augment" })
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
		option.New(&c.SkipBad, "skip_bad", "leave out pictures that cannot be read, and say how many", scaled),
		option.New(&c.Encoder, "encoder", "ONNX model of pictures that the network begins with; its card, net.energo.yaml beside net.onnx, says what the model takes (docs/onnx.md)", option.Arg("file"), option.Path),
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
		o.Skip = c.SkipBad
		return o
	}
	channels := map[string]int{"1": 1, "3": 3}
	return data.PictureOptions{C: channels[c.Channels], H: c.Size, W: c.Size, Skip: c.SkipBad}
}

// loadOther reads the pictures to measure on instead of the test set, of the size of those that are trained on: the test set of the
// env's data, or all that are there.
func (c *PictureSettings) loadOther(ctx context.Context, env job.Env, trained *data.Pictures) (*data.Pictures, error) {
	all, test, err := c.read(ctx, env.Data, "", c.like(trained), env)
	return cmp.Or(test, all), err
}

// like says how pictures are read that go with those of a set.
func (c *PictureSettings) like(set *data.Pictures) data.PictureOptions {
	return data.PictureOptions{C: set.C, H: set.H, W: set.W, Skip: c.SkipBad}
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
	return data.Jitter{Flip: c.Flip, Brightness: c.Brightness}
}

// batch writes training pictures, jittered where that is a setting, [len(indices), c, h, w].
func (c *PictureSettings) batch(x *tensor.Tensor, set *data.Pictures, indices []int, rng *rand.Rand) {
	x.Resize(len(indices), set.C, set.H, set.W)
	if c.Augment {
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
		DarkBackground: trained.DarkBackground(),
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
		return encode.NewNetwork(s, c.Seed)
	}
	o, err := c.beginning(base, s.Channels, s.Height, s.Width)
	if err != nil {
		return nil, err
	}
	return base.Network(s, o)
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

// distance is the network's metric as packages pair and retrieval have it.
func (t *encoderTask) distance() distance.Measure {
	return distance.Measure{Kind: t.Metric}
}

// vectorsOf are the vectors x of a set's pictures for the report.
func (t *encoderTask) vectorsOf(set *data.Pictures, x []float32) *report.Vectors {
	return &report.Vectors{Values: x, Dim: t.Dim, Labels: set.Labels, Classes: set.Classes, Paths: set.Paths, Metric: t.Metric}
}

// split is a data set divided: what is trained on, what chooses the best epoch, what is measured in the end.
type split struct {
	train, held, test *data.Pictures
}

const (
	heldMost    = 5000 // pictures held out where no number is named
	heldQueries = 100  // of them that have another of their class: this number, or half of them, can choose the best epoch
)

// divide divides pictures, always in the same way whatever the run's seed. test is nil where a share of them is to be taken. heldOut
// names classes that are not trained on: all pictures that are measured are then theirs. Held-out pictures of which few have another of their class cannot choose the best epoch.
func (c *Encoding) divide(all, test *data.Pictures, heldOut []string) (*split, error) {
	d, err := c.part(all, test, heldOut, searchable)
	if err != nil {
		return nil, err
	}
	return d, d.check()
}

// part is divide without its checks. choose tells whether n held-out pictures with some labels can choose the best epoch.
func (c *PictureSettings) part(all, test *data.Pictures, heldOut []string, choose func(held []int, n int) bool) (*split, error) {
	out, err := isHeldOut(all, heldOut)
	if err != nil {
		return nil, err
	}
	order := data.Spread(all.Labels, train.Rand(1, "split", 0))
	var tested, rest []int
	share := int(math.Round(c.TestShare * float64(len(order))))
	for rank, i := range order {
		switch {
		case out[all.Labels[i]]:
			if test == nil {
				tested = append(tested, i)
			}
		case test == nil && len(heldOut) == 0 && rank < share:
			tested = append(tested, i)
		default:
			rest = append(rest, i)
		}
	}
	switch {
	case len(rest) > 0:
	case len(heldOut) > 0:
		return nil, errors.New("hold_out_classes names all classes; there must be some to train on")
	default:
		return nil, noneLeft(c.TestShare, "pictures")
	}
	d := &split{test: test}
	switch {
	case test == nil:
		slices.Sort(tested)
		d.test = all.Pick(tested)
	case len(heldOut) > 0:
		for i, y := range test.Labels {
			if out[y] {
				tested = append(tested, i)
			}
		}
		d.test = test.Pick(tested)
	}
	d.train, d.held, err = c.hold(all, rest, choose)
	return d, err
}

// noneLeft says that the test has taken all.
func noneLeft(testShare float64, what string) error {
	return fmt.Errorf("test_share is %v, which leaves no %s to train on", testShare, what)
}

// heldOut is how many of n pictures or pairs are held out of training: a tenth, at most 5000, where no number is named.
func (c *PictureSettings) heldOut(n int, what string) (int, error) {
	held := c.Validation
	if held == 0 {
		held = min(n/10, heldMost)
	}
	if held >= n {
		return 0, fmt.Errorf("validation is %d, but there are only %d training %s; leave at least one to train on", held, n, what)
	}
	return held, nil
}

// hold divides the pictures at indices, in spread order, into those to train on and those held out. Where those held out could not choose the best epoch, the pictures trained on do.
func (c *PictureSettings) hold(set *data.Pictures, order []int, choose func(held []int, n int) bool) (trained, held *data.Pictures, err error) {
	n, err := c.heldOut(len(order), "pictures")
	if err != nil {
		return nil, nil, err
	}
	first, rest := slices.Clone(order[:n]), slices.Clone(order[n:])
	if c.Limit > 0 {
		rest = rest[:min(c.Limit, len(rest))]
	}
	slices.Sort(first)
	slices.Sort(rest)
	trained, held = set.Pick(rest), set.Pick(first)
	if !choose(held.Labels, n) {
		held = trained.Pick(data.Spread(trained.Labels, train.Rand(1, "split", 1))[:min(trained.N, heldMost)])
	}
	return trained, held, nil
}

// isHeldOut says of each class whether it is among the named ones.
func isHeldOut(set *data.Pictures, names []string) ([]bool, error) {
	out := make([]bool, len(set.Classes))
	for _, name := range names {
		k := slices.Index(set.Classes, name)
		if k < 0 {
			return nil, fmt.Errorf("hold_out_classes has %q; the classes are %s", excerpt.Of(name), list(set.Classes))
		}
		out[k] = true
	}
	return out, nil
}

// list joins names, the first of many.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// check refuses pictures that cannot be trained on or measured.
func (d *split) check() error {
	for _, part := range []struct {
		name   string
		labels []int
	}{{"training", d.train.Labels}, {"test", d.test.Labels}} {
		if !findable(part.labels) {
			return fmt.Errorf("of %d %s pictures, there must be two classes at least, and one with two pictures", len(part.labels), part.name)
		}
	}
	return nil
}

// findable says whether labels have two classes at least, and one that comes twice.
func findable(labels []int) bool {
	count := map[int]int{}
	twice := false
	for _, y := range labels {
		count[y]++
		twice = twice || count[y] == 2
	}
	return twice && len(count) > 1
}

// searchable says whether enough of n held-out pictures with some labels have another of their class.
func searchable(held []int, n int) bool {
	return findable(held) && queries(held) >= min(n/2, heldQueries)
}

// queries counts the samples whose label comes twice.
func queries(labels []int) (n int) {
	count := map[int]int{}
	for _, y := range labels {
		if count[y]++; count[y] == 2 {
			n++ // the first one, too
		}
		if count[y] > 1 {
			n++
		}
	}
	return n
}

// dense returns labels numbered from 0 on without gaps, in their order, and how many there are.
func dense(labels []int) ([]int, int) {
	names := slices.Clone(labels)
	slices.Sort(names)
	names = slices.Compact(names)
	out := make([]int, len(labels))
	for i, y := range labels {
		out[i], _ = slices.BinarySearch(names, y)
	}
	return out, len(names)
}
