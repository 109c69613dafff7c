package huggingface

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/excerpt"
)

// A processor is what preprocessor_config.json says of pictures.
type processor struct {
	Mean      []float64       `json:"image_mean"`
	Deviation []float64       `json:"image_std"`
	Size      json.RawMessage `json:"size"`
	Crop      json.RawMessage `json:"crop_size"`
	DoCrop    bool            `json:"do_center_crop"`
	DoScale   bool            `json:"do_rescale"`
	DoNorm    bool            `json:"do_normalize"`
	Factor    float64         `json:"rescale_factor"`
	Flip      bool            `json:"do_flip_channel_order"`
}

// pixels adds the input of pictures, and to the metadata how they are prepared where the folder says it. Sizes of 0 are open.
func (b *builder) pixels(channels, height, width int) export.Value {
	shape := fmt.Sprintf("batch,%d,height,width", channels)
	if height > 0 {
		shape = fmt.Sprintf("batch,%d,%d,%d", channels, height, width)
	}
	x := b.Input(export.Port{Name: "pixel_values", Doc: "pictures, prepared as preprocessor_config.json says", Kind: format.Float, Shape: shape})
	path := filepath.Join(b.dir, "preprocessor_config.json")
	p := processor{DoScale: true, DoNorm: true, Factor: 1.0 / 255}
	there, err := readOptional(path, &p)
	if err != nil {
		b.fail("%w", err)
	}
	if !there || b.err != nil {
		return x
	}
	side := p.Size
	if p.DoCrop && p.Crop != nil {
		side = p.Crop
	}
	if side != nil {
		size, err := sides(side)
		if err != nil {
			b.fail("%s: %w", path, err)
		}
		b.JSON("size", size)
	}
	if !p.DoNorm {
		p.Mean, p.Deviation = []float64{0}, []float64{1}
	}
	if !p.DoScale {
		p.Factor = 1
	}
	if len(p.Mean) > 0 && len(p.Deviation) > 0 {
		b.JSON("mean", p.Mean)
		b.JSON("deviation", p.Deviation)
	}
	b.JSON("scale", p.Factor)
	switch {
	case channels == 1:
		b.Metadata("channels", `"grey"`)
	case channels == 3 && p.Flip:
		b.Metadata("channels", `"bgr"`)
	case channels == 3:
		b.Metadata("channels", `"rgb"`)
	}
	return x
}

// sides are height and width: of a number, two, or names for them.
func sides(text json.RawMessage) ([2]int, error) {
	var one int
	if json.Unmarshal(text, &one) == nil {
		return [2]int{one, one}, nil
	}
	var two [2]int
	if json.Unmarshal(text, &two) == nil {
		return two, nil
	}
	var named struct {
		Height   int `json:"height"`
		Width    int `json:"width"`
		Shortest int `json:"shortest_edge"`
	}
	if err := json.Unmarshal(text, &named); err != nil || named.Shortest == 0 && (named.Height == 0 || named.Width == 0) {
		return two, fmt.Errorf("the size is %s; it must be a number, height and width, or shortest_edge", excerpt.Of(text))
	}
	if named.Shortest > 0 {
		return [2]int{named.Shortest, named.Shortest}, nil
	}
	return [2]int{named.Height, named.Width}, nil
}

// vectors makes x the output of an index of pictures, a vector for each.
func (b *builder) vectors(doc, shape string, n int, x export.Value) {
	b.output("pooler_output", doc, shape, n, x)
	b.Metadata("output", `"pooler_output"`)
}

// A convolution is one with the batch norm behind it.
type convolution struct {
	in, out, kernel, stride, groups int
	same                            bool // padded as TensorFlow does; else by half of the kernel
	eps                             float64
	act                             string // "" for none
}

// convolve adds a convolution; its weights stand under name.
func (b *builder) convolve(x export.Value, name string, c convolution) export.Value {
	w := b.head(name+".convolution.weight", c.out, c.in/c.groups, c.kernel, c.kernel)
	attributes := []*format.Attribute{export.Ints("strides", c.stride, c.stride), export.Int("group", c.groups)}
	if c.same {
		attributes = append(attributes, &format.Attribute{Name: "auto_pad", Type: format.AttrString, Bytes: []byte("SAME_UPPER")})
	} else {
		p := c.kernel / 2
		attributes = append(attributes, export.Ints("pads", p, p, p, p))
	}
	x = b.Add("Conv", 4, []export.Value{x, w}, attributes...)
	in := []export.Value{x}
	for _, part := range []string{"weight", "bias", "running_mean", "running_var"} {
		in = append(in, b.head(name+".normalization."+part, c.out))
	}
	x = b.Add("BatchNormalization", 4, in, export.Float("epsilon", c.eps))
	if c.act == "" {
		return x
	}
	return b.activation(x, c.act)
}

// resnetConfig is what config.json says of a residual network.
type resnetConfig struct {
	Channels     int    `json:"num_channels"`
	Stem         int    `json:"embedding_size"`
	Widths       []int  `json:"hidden_sizes"`
	Depths       []int  `json:"depths"`
	Kind         string `json:"layer_type"`
	Act          string `json:"hidden_act"`
	FirstStrides bool   `json:"downsample_in_first_stage"`
	EarlyStrides bool   `json:"downsample_in_bottleneck"`
}

const batchNormEps = 1e-5 // PyTorch's default

// resnet writes the network without a head.
func resnet(b *builder) {
	x, n := resnetBody(b)
	b.output("last_hidden_state", "the features of places", fmt.Sprintf("batch,%d,rows,columns", n), 0, x)
	b.vectors("the mean of the features over all places", fmt.Sprintf("batch,%d,1,1", n), 0, b.Unary("GlobalAveragePool", x))
}

// resnetForImages has a class for each picture.
func resnetForImages(b *builder) {
	x, n := resnetBody(b)
	x = b.Unary("GlobalAveragePool", x)
	labels := b.labels("classifier.1.weight")
	b.output("logits", "a logit for each class", "batch", labels, b.linear(b.Reshape(x, 0, n), "classifier.1", n, labels))
	b.vectors("the mean of the features over all places", fmt.Sprintf("batch,%d,1,1", n), 0, x)
}

// resnetBody adds the input and the stages, and returns the features and their number.
func resnetBody(b *builder) (x export.Value, n int) {
	c := &resnetConfig{3, 64, []int{256, 512, 1024, 2048}, []int{3, 4, 6, 3}, "bottleneck", "relu", false, false}
	b.read(c, func() []setting {
		s := []setting{{"num_channels", c.Channels, 1, 1 << 10}, {"embedding_size", c.Stem, 1, 1 << 20}, {"the number of hidden_sizes", len(c.Widths), 1, 64}}
		for _, w := range c.Widths {
			s = append(s, setting{"one of hidden_sizes", w, 1, 1 << 20})
		}
		for _, d := range c.Depths {
			s = append(s, setting{"one of depths", d, 1, 1 << 10})
		}
		return append(s, setting{"the number of depths", len(c.Depths), len(c.Widths), len(c.Widths)})
	})
	b.must("layer_type", c.Kind, "basic", "bottleneck")
	x = b.pixels(c.Channels, 0, 0)
	x = b.convolve(x, b.base+"embedder.embedder", convolution{in: c.Channels, out: c.Stem, kernel: 7, stride: 2, groups: 1, eps: batchNormEps, act: c.Act})
	x = b.Unary("MaxPool", x, export.Ints("kernel_shape", 3, 3), export.Ints("strides", 2, 2), export.Ints("pads", 1, 1, 1, 1))
	n = c.Stem
	for i, width := range c.Widths {
		for j := 0; b.err == nil && j < c.Depths[i]; j++ {
			stride := 1
			if j == 0 && (i > 0 || c.FirstStrides) {
				stride = 2
			}
			x = b.residual(x, fmt.Sprintf("%sencoder.stages.%d.layers.%d", b.base, i, j), c, n, width, stride)
			n = width
		}
	}
	return x, n
}

// residual adds a block: convolutions, and their input beside them.
func (b *builder) residual(x export.Value, name string, c *resnetConfig, in, out, stride int) export.Value {
	part := func(in, out, kernel, stride int, act string) convolution {
		return convolution{in: in, out: out, kernel: kernel, stride: stride, groups: 1, eps: batchNormEps, act: act}
	}
	// The convolutions inside the blocks of the basic kind, and those of the other but the last, have the activation relu or the network's.
	convolutions := []convolution{part(in, out, 3, stride, "relu"), part(out, out, 3, 1, "")}
	if c.Kind == "bottleneck" {
		first, second := 1, stride
		if c.EarlyStrides {
			first, second = stride, 1
		}
		narrow := out / 4
		convolutions = []convolution{part(in, narrow, 1, first, "relu"), part(narrow, narrow, 3, second, "relu"), part(narrow, out, 1, 1, "")}
	}
	y := x
	for i, v := range convolutions {
		y = b.convolve(y, fmt.Sprintf("%s.layer.%d", name, i), v)
	}
	if in != out || stride != 1 {
		x = b.convolve(x, name+".shortcut", part(in, out, 1, stride, ""))
	}
	return b.activation(b.Binary("Add", y, x), c.Act)
}

// mobileConfig is what config.json says of a MobileNetV2; the numbers of channels are those of the weights.
type mobileConfig struct {
	Channels int     `json:"num_channels"`
	Stride   int     `json:"output_stride"`
	Expanded bool    `json:"first_layer_is_expansion"`
	Act      string  `json:"hidden_act"`
	Same     bool    `json:"tf_padding"`
	Eps      float64 `json:"layer_norm_eps"`
}

// mobileStrides are those of MobileNetV2's blocks behind the first.
var mobileStrides = []int{2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1}

// mobilenet writes the network without a head.
func mobilenet(b *builder) {
	x, n := mobilenetBody(b)
	b.output("last_hidden_state", "the features of places", fmt.Sprintf("batch,%d,rows,columns", n), 0, x)
	b.vectors("the mean of the features over all places", "batch", n, b.Reshape(b.Unary("GlobalAveragePool", x), 0, n))
}

// mobilenetForImages has a class for each picture.
func mobilenetForImages(b *builder) {
	x, n := mobilenetBody(b)
	x = b.Reshape(b.Unary("GlobalAveragePool", x), 0, n)
	labels := b.labels("classifier.weight")
	b.output("logits", "a logit for each class", "batch", labels, b.linear(x, "classifier", n, labels))
	b.vectors("the mean of the features over all places", "batch", n, x)
}

func mobilenetBody(b *builder) (x export.Value, n int) {
	c := &mobileConfig{3, 32, true, "relu6", true, 1e-3}
	b.read(c, func() []setting {
		return []setting{{"num_channels", c.Channels, 1, 1 << 10}, {"output_stride", c.Stride, 32, 32}}
	})
	x, n = b.pixels(c.Channels, 0, 0), c.Channels
	next := func(name string, kernel, stride, groups int, act string) {
		name = b.base + name
		out := b.labels(name + ".convolution.weight")
		if groups == 0 { // one for each channel
			groups = n
		}
		x = b.convolve(x, name, convolution{n, out, kernel, stride, groups, c.Same, c.Eps, act})
		n = max(out, 1)
	}
	next("conv_stem.first_conv", 3, 2, 1, c.Act)
	if !c.Expanded {
		next("conv_stem.expand_1x1", 1, 1, 1, c.Act)
	}
	next("conv_stem.conv_3x3", 3, 1, 0, c.Act)
	next("conv_stem.reduce_1x1", 1, 1, 1, "")
	for i, stride := range mobileStrides {
		in, before := x, n
		name := fmt.Sprintf("layer.%d.", i)
		next(name+"expand_1x1", 1, 1, 1, c.Act)
		next(name+"conv_3x3", 3, stride, 0, c.Act)
		next(name+"reduce_1x1", 1, 1, 1, "")
		if stride == 1 && n == before {
			x = b.Binary("Add", in, x)
		}
	}
	next("conv_1x1", 1, 1, 1, c.Act)
	return x, n
}

// vitConfig is what config.json says of a vision transformer.
type vitConfig struct {
	Hidden   int             `json:"hidden_size"`
	Layers   int             `json:"num_hidden_layers"`
	Heads    int             `json:"num_attention_heads"`
	Inner    int             `json:"intermediate_size"`
	Act      string          `json:"hidden_act"`
	Eps      float64         `json:"layer_norm_eps"`
	Image    json.RawMessage `json:"image_size"`
	Patch    json.RawMessage `json:"patch_size"`
	Channels int             `json:"num_channels"`
	Bias     bool            `json:"qkv_bias"`
	Pooled   string          `json:"pooler_act"`
}

// vit writes the network without a head.
func vit(b *builder) {
	x, c := vitBody(b, 1)
	b.output("last_hidden_state", "a vector for each patch, behind one of the picture", "batch,patches", c.Hidden, x)
	b.vitPooler(x, c)
}

// deit is vit with a second vector of the picture, of distillation.
func deit(b *builder) {
	x, c := vitBody(b, 2)
	b.output("last_hidden_state", "a vector for each patch, behind one of the picture and one of distillation", "batch,patches", c.Hidden, x)
	b.vitPooler(x, c)
}

// vitPooler adds what a network without a head makes of the first vector, where its weights are there.
func (b *builder) vitPooler(x export.Value, c *vitConfig) {
	if !b.has("pooler.dense.weight") {
		return
	}
	out := b.labels(b.base + "pooler.dense.weight")
	pooled := b.activation(b.linear(b.first(x, c.Hidden), b.base+"pooler.dense", c.Hidden, out), c.Pooled)
	b.vectors("the picture's vector, through a layer of its own", "batch", out, pooled)
}

// vitForImages has a class for each picture.
func vitForImages(b *builder) { vitClasses(b, 1) }

// deitForImages is vitForImages of a deit.
func deitForImages(b *builder) { vitClasses(b, 2) }

func vitClasses(b *builder, vectors int) {
	x, c := vitBody(b, vectors)
	x = b.first(x, c.Hidden)
	labels := b.labels("classifier.weight")
	b.output("logits", "a logit for each class", "batch", labels, b.linear(x, "classifier", c.Hidden, labels))
	b.vectors("the picture's vector, as the classes' weights take it", "batch", c.Hidden, x)
}

// deitForImagesWithTeacher has the mean of the classes by the picture's vector and by that of distillation.
func deitForImagesWithTeacher(b *builder) {
	x, c := vitBody(b, 2)
	labels := b.labels("cls_classifier.weight")
	own := b.linear(b.first(x, c.Hidden), "cls_classifier", c.Hidden, labels)
	second := b.Reshape(b.Gather(x, b.Ints(1), 1), 0, c.Hidden)
	other := b.linear(second, "distillation_classifier", c.Hidden, labels)
	b.output("logits", "a logit for each class", "batch", labels, b.Binary("Div", b.Binary("Add", own, other), b.Float(2)))
	b.vectors("the picture's vector", "batch", c.Hidden, b.first(x, c.Hidden))
}

// vitBody adds the input, the patches and the layers. Before the patches stand one or two vectors of the picture.
func vitBody(b *builder, vectors int) (export.Value, *vitConfig) {
	c := &vitConfig{768, 12, 12, 3072, "gelu", 1e-12, json.RawMessage("224"), json.RawMessage("16"), 3, true, "tanh"}
	t := &transformer{
		layer: "encoder.layer", preNorm: true,
		query: "attention.attention.query", key: "attention.attention.key", value: "attention.attention.value", out: "attention.output.dense",
		norm1: "layernorm_before", up: "intermediate.dense", down: "output.dense", norm2: "layernorm_after",
	}
	var image, patch [2]int
	b.read(c, func() []setting {
		t.hidden, t.inner, t.heads, t.layers, t.eps, t.act, t.noBias = c.Hidden, c.Inner, c.Heads, c.Layers, c.Eps, c.Act, !c.Bias
		var err error
		if image, err = sides(c.Image); err == nil {
			patch, err = sides(c.Patch)
		}
		if err != nil {
			b.fail("%s: image_size or patch_size: %w", b.path, err)
		}
		s := append(t.settings(), setting{"num_channels", c.Channels, 1, 1 << 10})
		for i := range image {
			s = append(s, setting{"image_size", image[i], 1, 1 << 14}, setting{"patch_size", patch[i], 1, image[i]})
		}
		return s
	})
	if b.err != nil {
		return export.Value{}, c
	}
	x := b.pixels(c.Channels, image[0], image[1])
	rows, columns := image[0]/patch[0], image[1]/patch[1]
	const projection = "embeddings.patch_embeddings.projection."
	w := b.weight(projection+"weight", c.Hidden, c.Channels, patch[0], patch[1])
	x = b.Add("Conv", 4, []export.Value{x, w, b.weight(projection+"bias", c.Hidden)}, export.Ints("strides", patch[0], patch[1]))
	x = b.Transpose(b.Reshape(x, 0, c.Hidden, rows*columns), 0, 2, 1)
	parts := []export.Value{b.everywhere(x, b.weight("embeddings.cls_token", 1, 1, c.Hidden))}
	if vectors > 1 {
		parts = append(parts, b.everywhere(x, b.weight("embeddings.distillation_token", 1, 1, c.Hidden)))
	}
	x = b.Concat(1, append(parts, x)...)
	x = b.Binary("Add", x, b.weight("embeddings.position_embeddings", 1, rows*columns+vectors, c.Hidden))
	return b.layerNorm(b.layers(x, t, nil), b.base+"layernorm", c.Hidden, c.Eps), c
}

// everywhere repeats a token [1, 1, n] for each picture of x.
func (b *builder) everywhere(x, token export.Value) export.Value {
	batch := b.Add("Shape", 1, []export.Value{x}, export.Int("start", 0), export.Int("end", 1)).As(format.Int64)
	return b.Add("Expand", 3, []export.Value{token, b.Concat(0, batch, b.Ints(1, 1))})
}
