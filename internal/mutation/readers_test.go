package mutation

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/sweep"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/bulk"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ngram"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/sentence"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/seq/token"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/train"
)

// Why a format cannot tell damage.
const (
	noDigest  = "numbers and texts without a checksum"
	pixels    = "pixels without a checksum"
	rest      = "what is not asked for is skipped"
	otherSeed = "any setting may be another one"
)

// at is a file of a folder.
func at(name string, read func(path string) (any, error)) func(string) (any, error) {
	return func(dir string) (any, error) { return read(filepath.Join(dir, name)) }
}

// readers is the table.
func readers() []reader {
	return slices.Concat(tensorReaders(), onnxReaders(), dataReaders(), soundReaders(), runReaders(), indexReaders(), vectorReaders(), jobReaders(), serveReaders())
}

func tensorReaders() []reader {
	const file = "a.safetensors"
	ours := func(t *testing.T, dir string) {
		if err := tensor.WriteFile(filepath.Join(dir, file), tensors(t)); err != nil {
			t.Fatal(err)
		}
	}
	read := at(file, func(path string) (any, error) {
		f, err := tensor.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return contents(f.Tensors) + fmt.Sprint(f.Metadata), nil
	})
	torch := func(name, blind string) reader {
		return reader{
			name: "torch/" + name, funcs: []string{"engine/tensor.DecodeTorch", "internal/pickle.Decode"}, file: name, blind: blind,
			make: func(t *testing.T, dir string) {
				content, err := os.ReadFile(filepath.Join(root, "engine/tensor/testdata/torch", name))
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, name, content)
			},
			read: at(name, func(path string) (any, error) {
				f, err := tensor.ReadFile(path)
				if err != nil {
					return nil, err
				}
				return contents(f.Tensors), nil
			}),
		}
	}
	layer := func() *nn.Linear { return nn.NewLinear(3, 2, train.Rand(1, "mutation", 0)) }
	film := surface.Film{
		Name: "a", Title: "A", X: []float64{0, 1}, Y: []float64{0, 1, 2}, Data: [][2]float64{{0.5, 0.25}},
		Frames: []surface.Frame{{Step: 1, Energy: []float32{1, 2, 3, 4, 5, 6}, Correct: []float32{1}, Other: []float32{2}}},
	}
	state := func() held {
		f := tensor.New(tensor.Float32, 2, 3)
		return held{state: []tensor.Named{{Name: "chains", Tensor: f}}}
	}
	return []reader{
		{name: "safetensors/ours", funcs: []string{"engine/tensor.ReadFile", "engine/tensor.DecodeFile", "engine/tensor.Decode"}, file: file, make: ours, read: read},
		{name: "safetensors/foreign", file: file, make: only(file, foreign()), read: read, blind: noDigest},
		torch("checkpoint.pt", ""),
		torch("old.pt", noDigest),
		{
			name: "safetensors/model", funcs: []string{"engine/nn.Load"}, file: file,
			make: func(t *testing.T, dir string) {
				if err := nn.Save(filepath.Join(dir, file), layer()); err != nil {
					t.Fatal(err)
				}
			},
			read: at(file, func(path string) (any, error) {
				m := layer()
				for _, p := range m.Params() {
					clear(p.Value.Float32s())
				}
				err := nn.Load(path, m)
				return contents(nn.State(m)), err
			}),
		},
		{
			name: "safetensors/checkpoint", funcs: []string{"train.LoadState"}, file: train.CheckpointFile,
			make: func(t *testing.T, dir string) {
				f := tensors(t)
				f.Tensors[0].Name = "state.chains"
				if err := tensor.WriteFile(filepath.Join(dir, train.CheckpointFile), f); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) {
				s := state()
				err := train.LoadState(dir, s)
				return contents(s.state), err
			},
		},
		{
			name: "safetensors/settings of a run", funcs: []string{"train.LoadSettings"}, file: train.CheckpointFile, make: run("digits"),
			read: func(dir string) (any, error) { return train.LoadSettings(dir) },
		},
		{
			name: "films", funcs: []string{"ebm/surface.Read", "ebm/surface.Decode"}, file: surface.File,
			make: func(t *testing.T, dir string) {
				if err := surface.Write(dir, []surface.Film{film}); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) { return surface.Read(dir) },
		},
		{
			name: "watched samples", funcs: []string{"ebm/watch.Read"}, file: watch.File,
			make: func(t *testing.T, dir string) {
				var r watch.Record
				for epoch := range 2 {
					l := watch.Look{Set: watch.Set{Answers: 2, Labels: []int{0, 1}, Samples: []int{0, 3}, Names: []string{"a", "b"}}, Energies: []float32{0, 1, float32(epoch), 2}}
					if err := r.Take(epoch, l); err != nil {
						t.Fatal(err)
					}
				}
				if err := watch.Write(dir, &r); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) { return watch.Read(dir) },
		},
		{
			name: "films/that grow", funcs: []string{"ebm/surface.Read"}, file: surface.GrowingFile, blind: "a film that grows ends behind its last whole frame",
			make: func(t *testing.T, dir string) {
				r := surface.NewReel(film, surface.Layout{Pairs: 1, Epochs: 2, Steps: 1})
				for range 3 {
					r.Take(film.Frames[0])
				}
				if err := r.Show(dir); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) { return surface.Read(dir) },
		},
	}
}

// onnxReaders read files that the onnx wheel wrote.
func onnxReaders() []reader {
	golden := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				content, err := os.ReadFile(filepath.Join(root, "engine/onnx/format/testdata", name))
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, name, content)
			}
		}
	}
	model := func(name, path, damaged string) reader {
		return reader{
			name: "onnx/" + name, file: damaged, make: golden(path, damaged), blind: noDigest,
			funcs: []string{"engine/onnx/format.ReadFile", "engine/onnx/format.Decode"},
			read: at(path, func(path string) (any, error) {
				m, err := format.ReadFile(path)
				return asJSON(m), err
			}),
		}
	}
	folder := func(name, damaged string) reader {
		return reader{
			name: "onnx/" + name, funcs: []string{"engine/onnx.ReadFile", "engine/onnx/huggingface.Read"}, file: damaged, blind: noDigest,
			make: func(t *testing.T, dir string) {
				if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "engine/onnx/huggingface/testdata/shards"))); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) {
				m, err := onnx.ReadFile(dir)
				return asJSON(m), err
			},
		}
	}
	return []reader{
		{
			name: "onnx/run", funcs: []string{"engine/onnx.Open"}, file: "affine.onnx", blind: noDigest,
			make: func(t *testing.T, dir string) {
				content, err := os.ReadFile(filepath.Join(root, "engine/onnx/testdata/affine.onnx"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, "affine.onnx", content)
			},
			read: at("affine.onnx", func(path string) (any, error) {
				m, err := onnx.Open(path, nil)
				if err != nil {
					return nil, err
				}
				x, err := value.Of([]float32{1, 2, 3}, 1, 3)
				if err != nil {
					return nil, err
				}
				y, err := m.Run(map[string]*value.Value{m.Inputs[0].Name: x})
				if err != nil { // by the input's name, as a caller knows it
					return nil, fmt.Errorf("%s: %w", path, err)
				}
				return fmt.Sprint(asJSON(y["y"].Tensor("y"))), nil
			}),
		},
		folder("a folder's settings", "config.json"),
		folder("a folder's shards", "model.safetensors.index.json"),
		{
			name: "onnx/array", funcs: []string{"engine/onnx/value.ReadNPY", "internal/npy.Read"}, file: "x.npy", make: only("x.npy", npy(2, 2)), blind: noDigest,
			read: at("x.npy", func(path string) (any, error) {
				v, err := value.ReadNPY(path)
				if err != nil {
					return nil, err
				}
				return asJSON(v.Tensor("x")), nil
			}),
		},
		model("types", "types.onnx", "types.onnx"),
		model("shapes", "shapes.onnx", "shapes.onnx"),
		model("nodes", "nodes.onnx", "nodes.onnx"),
		model("functions", "functions.onnx", "functions.onnx"),
		model("elements beside it", "external.onnx", "external.bin"),
		{
			name: "onnx/tensor", funcs: []string{"engine/onnx/format.DecodeTensor"}, file: "tensor.pb", make: golden("tensor.pb"), blind: noDigest, quiet: true,
			read: at("tensor.pb", func(path string) (any, error) {
				data, err := os.ReadFile(path)
				if err != nil {
					return nil, err
				}
				x, err := format.DecodeTensor(data)
				return asJSON(x), err
			}),
		},
	}
}

// held is a task that keeps tensors.
type held struct {
	train.Task
	state []tensor.Named
}

func (h held) State() []tensor.Named     { return h.state }
func (h held) Params() []*autodiff.Param { return nil }

func dataReaders() []reader {
	emissions := func(file string, make func(*testing.T, string), blind string) reader {
		return reader{
			name: "emissions/" + file, funcs: []string{"data.ReadEmissions", "data.DecodeEmissions"}, file: file, make: make, blind: blind,
			read: at(file, func(path string) (any, error) { return data.ReadEmissions(path, "") }),
		}
	}
	layout := func(file, text string) reader {
		return reader{
			name: "layouts/" + file, funcs: []string{"seq/token.Read"}, file: file, make: only(file, []byte(text)), blind: noDigest,
			read: at(file, func(path string) (any, error) { return token.Read(path, token.Options{}) }),
		}
	}
	packed := func(file string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			f, err := os.Open(filepath.Join(root, "seq/token/testdata/tokenizers", file+".gz"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, file, content)
		}
	}
	spelled := func(file string) reader {
		return reader{
			name: "tokenizers/" + file, funcs: []string{"seq/token.OpenTokenizer", "seq/token.DecodeTokenizer"}, file: file, blind: noDigest, make: packed(file),
			read: at(file, func(path string) (any, error) {
				t, err := token.OpenTokenizer(path)
				if err != nil {
					return nil, err
				}
				pieces, err := t.Pieces("the \ufb01rst größe 42 AB")
				return fmt.Sprint(pieces, err), nil
			}),
		}
	}
	all := []reader{
		{name: "layouts/bpe.model", file: "bpe.model", make: packed("bpe.model"), blind: noDigest, read: at("bpe.model", func(path string) (any, error) { return token.Read(path, token.Options{}) })},
		spelled("bpe.model"),
		spelled("unigram.model"),
		spelled("unigram.json"),
		spelled("bpe_continuing.json"),
		spelled("wordpiece.json"),
		{name: "coder", funcs: []string{"seq/token.OpenCoder", "seq/token.DecodeCoder"}, file: "wordpiece.json", blind: noDigest, make: packed("wordpiece.json"), read: at("wordpiece.json", func(path string) (any, error) {
			c, err := token.OpenCoder(path)
			if err != nil {
				return nil, err
			}
			ids, err := c.Code("the \ufb01rst größe 42 AB")
			return fmt.Sprint(ids, err, c.Most), nil
		})},
		layout("plain.txt", "<blank>\na\nb\n|\nz\n"),
		layout("tokens.txt", "<blk> 0\na 1\n▁b 2\n<unk> 3\n#0 4\n"),
		layout("alphabet.txt", "# a comment\na\nb\n \nz\n"),
		layout("spm.vocab", "<unk>\t0\n▁a\t-1.5\nb\t-2\n"),
		layout("vocab.json", `{"<pad>":0,"a":1,"b":2,"|":3}`),
		layout("list.json", `["<blank>","a","b","ü"]`),
		layout("tokenizer.json", `{"added_tokens":[{"id":0,"content":"<pad>","special":true}],"decoder":{"type":"Metaspace","replacement":"▁"},"model":{"type":"Unigram","vocab":[["<pad>",0],["▁a",-1.5],["b",-2]]}}`),
		emissions("a.npy", only("a.npy", npy(6, 4)), noDigest),
		emissions("a.jsonl", only("a.jsonl", []byte("[-0.5,null,-1.25]\n[-3,\"-Infinity\",0.5]\n[1e-3,2,3]\n")), noDigest),
		emissions("a.json", only("a.json", []byte("[[-0.5,-1,-1.25],[-3,0.25,0.5]]")), noDigest),
		{
			name: "emissions/a.safetensors", file: "a.safetensors",
			make: func(t *testing.T, dir string) {
				f := tensors(t)
				f.Tensors = f.Tensors[:1]
				if err := tensor.WriteFile(filepath.Join(dir, "a.safetensors"), f); err != nil {
					t.Fatal(err)
				}
			},
			read: at("a.safetensors", func(path string) (any, error) { return data.ReadEmissions(path, "") }),
		},
		{
			name: "tagged text", funcs: []string{"data.LoadTagged", "data.ReadTagged"}, file: "text", blind: noDigest, make: only("text", []byte(tagged)),
			read: func(dir string) (any, error) { return data.LoadTagged(dir) },
		},
		{
			name: "text in columns", funcs: []string{"data.LoadColumns", "data.ReadColumns"}, file: "text", blind: noDigest,
			make: only("text", []byte("-DOCSTART- -X- O O\n\nthe DT B-NP O\nEU NNP I-NP B-ORG\n\nit PRP B-NP O\n")),
			read: at("text", func(path string) (any, error) { return data.LoadColumns(path, "", "4") }),
		},
		{
			name: "text in columns/CoNLL-U", funcs: []string{"data.LoadColumns"}, file: "text", blind: noDigest,
			make: only("text", []byte("# text = im\n1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_\n1\tin\tin\tADP\t_\t_\t0\troot\t_\t_\n2\tdem\tder\tDET\t_\t_\t1\tdet\t_\t_\n\n")),
			read: at("text", func(path string) (any, error) { return data.LoadColumns(path, "lemma", "upos") }),
		},
		{
			name: "files of CRFsuite", funcs: []string{"data.LoadAttributes", "data.ReadAttributes"}, file: "text", blind: noDigest,
			make: only("text", []byte("@weight:2\nB-ORG\tw=EU\tcap:0.5\nO\tw=is\tx\\:y:-1e1\n\nO\tw=it\n")),
			read: at("text", func(path string) (any, error) { return data.LoadAttributes(path) }),
		},
		{
			name: "tagged text/list", funcs: []string{"data.LoadTagged"}, file: "cats.txt", blind: noDigest, quiet: true, // a file that is not there is named itself
			make: func(t *testing.T, dir string) {
				write(t, dir, "ca01", []byte(tagged))
				write(t, dir, "ca02", []byte(tagged))
				write(t, dir, "cats.txt", []byte("ca01 news\nca02 news\n"))
			},
			read: func(dir string) (any, error) { return data.LoadTagged(dir) },
		},
		{
			name: "csv/table", funcs: []string{"data.ReadTable", "data.ParseTable"}, file: "a.csv", blind: noDigest, make: only("a.csv", []byte(aTable)),
			read: at("a.csv", func(path string) (any, error) {
				t, err := data.ReadTable(path)
				if err != nil {
					return nil, err
				}
				return fmt.Sprintf("%+v", *t), nil
			}),
		},
		{
			name: "model of a table", funcs: []string{"data/tabular.Open", "data/tabular.Model.Load"}, file: tabular.CardFile, blind: noDigest,
			make: func(t *testing.T, dir string) {
				if err := aTabular(t).Save(dir); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) {
				m, err := tabular.Open(dir)
				if err != nil {
					return nil, err
				}
				return fmt.Sprintf("%+v", *m.Schema), nil
			},
		},
	}
	return slices.Concat(all, pictureReaders(), digitReaders())
}

// aTable is a table of numbers and texts, with cells that are missing.
const aTable = "kind,size,colour\ncat,46.5,black\ndog,80,?\ncat,,\"red, blue\"\n"

// aTabular is an untrained model of aTable.
func aTabular(t *testing.T) *tabular.Model {
	table, err := data.ParseTable(strings.NewReader(aTable), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := table.Fit(table.All(), data.TableTarget{Column: "kind"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tabular.New(tabular.Spec{Network: "mlp", Hidden: 4, Schema: schema}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// digitReaders read IDX files, packed and not.
func digitReaders() (all []reader) {
	sets := func(pack func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, part := range []string{"train", "t10k"} {
				write(t, dir, part+"-images-idx3-ubyte", pack(idx(12, 4, 3)))
				write(t, dir, part+"-labels-idx1-ubyte", pack(idx(12)))
			}
		}
	}
	read := func(dir string) (any, error) {
		trainSet, testSet, err := data.LoadDigits(context.Background(), dir, nil)
		if err != nil {
			return nil, err
		}
		return fmt.Sprint(*trainSet, *testSet), nil
	}
	for _, file := range []string{"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"} {
		all = append(all,
			reader{name: "idx/" + file, funcs: []string{"data.LoadDigits", "data.ReadIDXImages", "data.ReadIDXLabels"}, file: file, make: sets(bytes.Clone), read: read, blind: pixels},
			reader{name: "idx.gz/" + file, file: file, make: sets(gzipped), read: read},
		)
	}
	return all
}

func pictureReaders() (all []reader) {
	whole := func(p *data.EncodedPicture) (any, error) {
		m, err := p.Decode()
		if err != nil {
			return nil, err
		}
		dst := make([]byte, 3*20*24)
		data.Fit(dst, m, 3, 20, 24)
		return fmt.Sprint(m.Bounds(), dst), nil
	}
	scaled := func(p *data.EncodedPicture) (any, error) {
		fitted, err := p.Fitted(9, 7)
		if err != nil {
			return nil, err
		}
		within, err := p.Within(8)
		return fmt.Sprintf("%v %+v", fitted.Pix, within), err
	}
	files := []string{"a.png", "a.jpg", "a.gif", "lossy.webp", "lossless.webp"}
	files = slices.AppendSeq(files, maps.Keys(byPillow))
	slices.Sort(files)
	for _, file := range files {
		blind := pixels
		if filepath.Ext(file) == ".png" {
			blind = "" // its chunks have checksums
		}
		one := func(name string, decode func(*data.EncodedPicture) (any, error), funcs ...string) reader {
			return reader{
				name: name + "/" + file, funcs: funcs, file: file, make: picture(file), blind: blind, quiet: true,
				read: at(file, func(path string) (any, error) {
					f, err := os.Open(path)
					if err != nil {
						return nil, err
					}
					defer f.Close()
					p, err := data.ReadPicture(f, data.MaxPicturePixels)
					if err != nil {
						return nil, err
					}
					return decode(p)
				}),
			}
		}
		all = append(all,
			one("picture", whole, "data.DecodePicture", "data.ReadPicture", "data.ParsePicture", "data.EncodedPicture.Decode", "internal/picture.Open", "internal/jpeg.Open"),
			one("picture scaled", scaled, "data.EncodedPicture.Fitted", "data.EncodedPicture.Within"),
		)
	}
	listed := func(file, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			write(t, dir, "a.png", pngOf(t, noise(6, 5)))
			write(t, dir, "b.png", pngOf(t, noise(5, 6)))
			write(t, dir, file, []byte(text))
		}
	}
	o := data.PictureOptions{C: 1, H: 4, W: 4}
	return append(all,
		reader{
			name: "csv/pictures", funcs: []string{"data.ReadPictures"}, file: "list.csv", blind: noDigest, make: listed("list.csv", "a.png,cat\nb.png,dog\na.png,dog\n"),
			read: at("list.csv", func(path string) (any, error) {
				p, _, err := data.ReadPictures(context.Background(), path, o)
				if err != nil {
					return nil, err
				}
				return fmt.Sprint(*p), nil
			}),
		},
		reader{
			name: "csv/pairs", funcs: []string{"data.ReadPairs"}, file: "pairs.csv", blind: noDigest, make: listed("pairs.csv", "path1,path2,same\na.png,b.png,1\nb.png,a.png,0\n"),
			read: at("pairs.csv", func(path string) (any, error) {
				p, pairs, _, err := data.ReadPairs(context.Background(), path, o)
				if err != nil {
					return nil, err
				}
				return fmt.Sprint(*p, pairs), nil
			}),
		},
	)
}

// binaryModel unpacks a small binary file of KenLM's.
func binaryModel(t *testing.T, dir string) {
	packed, err := os.ReadFile(filepath.Join(root, "seq/ngram/testdata/o2.quant.bin.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	model, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lm.bin"), model, 0o666); err != nil {
		t.Fatal(err)
	}
}

// recordingReaders has a row for a file of every format of recordings, of those that package audio's tests read.
func recordingReaders() (all []reader) {
	for _, name := range []string{
		"WAV PCM_U8 1", "WAV PCM_16 2", "WAV PCM_24 1", "WAV PCM_32 2", "WAV FLOAT 1", "WAV DOUBLE 2", "WAV ULAW 1", "WAV ALAW 2", "WAV IMA_ADPCM 2", "WAV MS_ADPCM 2", "WAVEX PCM_16 1", "WAVEX FLOAT 2",
		"W64 PCM_16 1", "W64 FLOAT 2", "W64 IMA_ADPCM 1", "RF64 PCM_16 2", "AIFF PCM_S8 1", "AIFF PCM_24 2", "AIFF FLOAT 1", "AIFF ULAW 2", "AU PCM_16 2", "AU DOUBLE 1", "AU ALAW 1",
		"FLAC PCM_S8 1", "FLAC PCM_16 2", "FLAC PCM_24 1", "MP3 16000 1", "MP3 of variable rate", "MP3 44100 2", "Vorbis 16000 1", "Vorbis 44100 2", "Opus voip 8000 1 20 ms", "Opus audio 96000 2 20 ms",
	} {
		all = append(all, reader{
			name: "recording/" + name, file: "a.bin", blind: "a file that is cut off is read up to there, and most formats have no checksum",
			make: func(t *testing.T, dir string) {
				f, err := os.Open(filepath.Join(root, "seq/audio/testdata/formats.jsonl.gz"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				z, err := gzip.NewReader(f)
				if err != nil {
					t.Fatal(err)
				}
				for d := json.NewDecoder(z); ; {
					var c struct {
						Name string
						File []byte
					}
					if err := d.Decode(&c); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if c.Name == name {
						only("a.bin", c.File)(t, dir)
						return
					}
				}
			},
			read: at("a.bin", func(path string) (any, error) { return audio.ReadChannels(path, audio.Each) }),
		})
	}
	return all
}

func soundReaders() []reader {
	model := at("lm.arpa", func(path string) (any, error) {
		m, err := ngram.Load(path)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		err = m.Write(&b)
		return b.String(), err
	})
	return append(recordingReaders(), []reader{
		{
			name: "wav", funcs: []string{"seq/audio.Read", "seq/audio.Decode", "seq/audio.ReadChannels", "seq/audio.DecodeChannels"}, file: "a.wav", blind: noDigest,
			make: func(t *testing.T, dir string) {
				c := tone()
				c.Samples = c.Samples[:300]
				if err := audio.Write(filepath.Join(dir, "a.wav"), c); err != nil {
					t.Fatal(err)
				}
			},
			read: at("a.wav", func(path string) (any, error) { return audio.Read(path) }),
		},
		{
			name: "yaml/of a job", funcs: []string{"job.ReadConfig", "job.Read", "job/option.ReadFile", "job/option.List.Read"}, file: "config.yaml", blind: noDigest,
			make: only("config.yaml", []byte("recipe: multilabel\nformat: 2\nloss: bce_logits\nhidden: 64\nepochs: 3\nbatch: 32\nseed: 5\n")),
			read: func(dir string) (any, error) {
				_, s, err := job.ReadConfig(dir, jobs.All())
				if err != nil {
					return nil, err
				}
				return fmt.Sprint(s.Options().Values()), nil
			},
		},
		{
			name: "json/result of a job", funcs: []string{"job.ReadResult"}, file: job.ResultFile, blind: noDigest,
			make: func(t *testing.T, dir string) {
				r := job.Result{Result: report.Result{Run: "runs/a", Epochs: 3, Steps: 90, TrainSeconds: 1.5}, Reason: "finished", BestEpoch: 2, Recipe: "multilabel", Settings: map[string]any{"seed": 5}}
				if err := card.Write(filepath.Join(dir, job.ResultFile), r); err != nil {
					t.Fatal(err)
				}
			},
			read: func(dir string) (any, error) {
				var r job.Result
				err := job.ReadResult(dir, &r)
				return r, err
			},
		},
		{
			name: "json/sweep", funcs: []string{"job/sweep.Open"}, file: sweep.File, make: sweepFolder,
			read: func(dir string) (any, error) {
				w, err := sweep.Open(dir)
				if err != nil {
					return nil, err
				}
				return asJSON(w), nil
			},
		},
		{
			name: "json/summary of a sweep", funcs: []string{"job/sweep.ReadSummary"}, file: sweep.SummaryFile, make: sweepFolder, blind: noDigest,
			read: func(dir string) (any, error) {
				s, err := sweep.ReadSummary(dir)
				if err != nil {
					return nil, err
				}
				s.Run = ""
				return asJSON(s), nil
			},
		},
		{
			name: "csv/manifest", funcs: []string{"seq/audio.Manifest"}, file: "m.csv", blind: noDigest, make: only("m.csv", []byte("path,text,voice\na.wav,the cat,x\n\"b,c.wav\",\"sat \"\"on\"\" it\",y\n")),
			read: at("m.csv", func(path string) (any, error) {
				all, err := audio.Manifest(path)
				return strings.ReplaceAll(fmt.Sprint(all), filepath.Dir(path), ""), err
			}),
		},
		manifest("nemo", "m.json", false, map[string]string{"m.json": "{\"audio_filepath\":\"a.wav\",\"text\":\"the cat\",\"duration\":2.5,\"offset\":1}\n{\"audio_filepath\":\"b.wav\",\"text\":\"sat\",\"speaker\":\"x\"}\n"}),
		manifest("common voice", "m.tsv", false, map[string]string{"m.tsv": "client_id\tpath\tsentence\nx\ta.mp3\tThe cat\ny\tb.mp3\t\"sat\"\n"}),
		manifest("ljspeech", "metadata.csv", false, map[string]string{"metadata.csv": "LJ1|Dr. Cat|Doctor Cat\nLJ2|sat|\n"}),
		manifest("librispeech", "1-2.trans.txt", true, map[string]string{"1-2.trans.txt": "1-2-0 THE CAT\n1-2-1 SAT\n"}),
		manifest("kaldi/wav.scp", "wav.scp", true, kaldiFiles),
		manifest("kaldi/text", "text", true, kaldiFiles),
		manifest("kaldi/segments", "segments", true, kaldiFiles),
		manifest("kaldi/utt2spk", "utt2spk", true, kaldiFiles),
		{
			name: "csv/times", funcs: []string{"seq/audio.Times"}, file: "t.csv", blind: noDigest, make: only("t.csv", []byte("path,word,start,end\na.wav,the,0.25,0.5\na.wav,cat,0.5,1.25\nb.wav,sat,1,2\n")),
			read: at("t.csv", func(path string) (any, error) {
				all, err := audio.Times(path)
				return strings.ReplaceAll(fmt.Sprint(all), filepath.Dir(path), ""), err
			}),
		},
		{name: "arpa", funcs: []string{"seq/ngram.Load", "seq/ngram.Read"}, file: "lm.arpa", blind: noDigest, make: only("lm.arpa", []byte(arpa)), read: model},
		{name: "kenlm", funcs: []string{"seq/ngram.Open", "seq/ngram.OpenBinary"}, file: "lm.bin", blind: noDigest, make: binaryModel, read: at("lm.bin", func(path string) (any, error) {
			m, err := ngram.OpenBinary(path)
			if err != nil {
				return nil, err
			}
			defer m.Close()
			var all []float64
			s := m.Start()
			for w := range m.Words() {
				var p float64
				p, s = m.Score(s, ngram.Word(w))
				all = append(all, p)
			}
			return fmt.Sprint(m.Order(), m.Words(), all), nil
		})},
		{name: "arpa.gz", file: "lm.arpa", make: only("lm.arpa", gzipped([]byte(arpa))), read: model},
	}...)
}

// kaldiFiles are a manifest of Kaldi.
var kaldiFiles = map[string]string{"wav.scp": "r1 a.wav\nr2 b.wav\n", "text": "u1 the cat\nu2 sat\n", "segments": "u1 r1 0.5 2\nu2 r2 1.25 -1\n", "utt2spk": "u1 ann\nu2 bob\n"}

// manifest is the row of one file of a manifest, which is opened by that file or by its folder.
func manifest(name, file string, folder bool, files map[string]string) reader {
	open := file
	if folder {
		open = "."
	}
	return reader{
		name: "manifest/" + name, file: file, blind: noDigest,
		make: func(t *testing.T, dir string) {
			for name, text := range files {
				write(t, dir, name, []byte(text))
			}
		},
		read: func(dir string) (any, error) {
			all, err := audio.Manifest(filepath.Join(dir, open))
			return strings.ReplaceAll(fmt.Sprint(all), dir, ""), err
		},
	}
}

func runReaders() []reader {
	looked := []image.Image{noise(9, 11)}
	encoder := func(dir string) (any, error) {
		e, err := encode.Open(dir)
		if err != nil {
			return nil, err
		}
		out := make([]float32, e.Dim())
		err = e.Encode(out, looked)
		return fmt.Sprint(e.Network().Spec, out), err
	}
	imported := at("net.onnx", func(path string) (any, error) {
		e, err := encode.OpenAny(path)
		if err != nil {
			return nil, err
		}
		out := make([]float32, e.Dim())
		if err := e.Encode(out, looked); err != nil { // by the picture's place, as a caller knows the model
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return fmt.Sprint(e.Size(), e.Metric(), out), nil
	})
	base := at("net.onnx", func(path string) (any, error) {
		b, err := encode.OpenBase(path, encode.BaseInput{Side: 8})
		if err != nil {
			return nil, err
		}
		return started(b)
	})
	reopened := func(dir string) (any, error) {
		b, err := encode.ReopenBase(dir)
		if err != nil {
			return nil, err
		}
		return started(b)
	}
	classifier := func(dir string) (any, error) {
		m, err := classify.Open(dir)
		if err != nil {
			return nil, err
		}
		answers, err := m.Answer(looked)
		return fmt.Sprint(m.Spec, answers), err
	}
	acoustic := at("net.onnx", func(path string) (any, error) {
		b, err := read.OpenBase(path)
		if err != nil {
			return nil, err
		}
		return heard(b)
	})
	ofLines := at("net.onnx", func(path string) (any, error) {
		b, err := read.OpenLineBase(path)
		if err != nil {
			return nil, err
		}
		return heard(b)
	})
	reopenedAcoustic := func(dir string) (any, error) {
		b, err := read.ReopenBase(dir)
		if err != nil {
			return nil, err
		}
		return heard(b)
	}
	tagger := func(dir string) (any, error) {
		m, err := tag.Open(dir)
		if err != nil {
			return nil, err
		}
		tags, err := m.Tag([][]string{{"the", "dog", "sat", "."}, {"a", "catty", "run"}})
		return fmt.Sprintf("%q", tags), err
	}
	speech := func(dir string) (any, error) {
		r, err := read.Open(dir)
		if err != nil {
			return nil, err
		}
		s, err := r.Open(filepath.Join(home, "0.wav"))
		if err != nil {
			return nil, err
		}
		x, err := r.Emissions(s.Line)
		return fmt.Sprintf("%q %v %v %v %v", r.Classes, r.Frame, r.Offset, s.Line, x), err
	}
	opened := func(dir string) (any, error) {
		r, err := report.Open(dir)
		if err != nil {
			return nil, err
		}
		r.Dir, r.Name = "", ""
		if len(r.Notes) > 0 { // which name their files
			return nil, errors.New(strings.Join(r.Notes, "; "))
		}
		return asJSON(r), nil
	}
	surfaceOf := func(dir string) (any, error) {
		r, err := report.Open(dir)
		if err != nil {
			return nil, err
		}
		s, err := r.Surface()
		if err != nil {
			return nil, err
		}
		return fmt.Sprint(*s), nil
	}
	return []reader{
		{name: "run/encoder.json", funcs: []string{"search/encode.Open"}, file: encode.CardFile, make: run("search"), read: encoder, blind: noDigest},
		{name: "run/model.safetensors", file: jobs.ModelFile, make: run("search"), read: encoder},
		{
			name: "imported encoder/card", funcs: []string{"search/encode.OpenImported", "search/encode.OpenAny", "internal/card.ReadModel"}, file: "net.energo.yaml",
			make: importedEncoder, read: imported, blind: noDigest,
		},
		{name: "imported encoder/model", file: "net.onnx", make: importedEncoder, read: imported, blind: noDigest},
		{name: "imported base", funcs: []string{"search/encode.OpenBase"}, file: "net.energo.yaml", make: importedEncoder, read: base, blind: noDigest},
		{
			name: "reopened base", funcs: []string{"search/encode.ReopenBase"}, file: encode.ImportedFile, read: reopened, blind: noDigest,
			make: func(t *testing.T, dir string) {
				importedEncoder(t, dir)
				b, err := encode.OpenBase(filepath.Join(dir, "net.onnx"), encode.BaseInput{Side: 8})
				if err != nil {
					t.Fatal(err)
				}
				n, err := networkOf(b)
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Keep(dir); err != nil {
					t.Fatal(err)
				}
			},
		},
		{name: "classifier/onnx", funcs: []string{"search/classify.OpenONNX"}, file: "net.onnx", make: onnxClassifier, blind: noDigest, read: at("net.onnx", func(path string) (any, error) {
			c, err := classify.OpenONNX(path)
			if err != nil {
				return nil, err
			}
			answers, err := c.Answer([]image.Image{image.NewGray(image.Rect(0, 0, 8, 8))})
			return fmt.Sprint(answers, err), nil // weights that are damaged may give what is not finite
		})},
		{name: "texts", funcs: []string{"seq/sentence.Open"}, file: sentence.TokenizerFile, make: textsFolder, blind: noDigest, read: func(dir string) (any, error) {
			e, err := sentence.Open(dir)
			if err != nil {
				return nil, err
			}
			tokens, err := e.Tokens("the cat")
			if err != nil {
				return fmt.Sprint(err), nil
			}
			v := make([]float32, e.Dim())
			err = e.Encode(v, [][]int{tokens})
			return fmt.Sprint(v, err), nil
		}},
		{name: "classifier", funcs: []string{"search/classify.Open", "search/classify.Model.Load"}, file: classify.CardFile, make: classifierFolder, read: classifier, blind: noDigest},
		{
			name: "reopened acoustic base", funcs: []string{"seq/read.ReopenBase"}, file: read.ImportedFile, read: reopenedAcoustic, blind: noDigest,
			make: func(t *testing.T, dir string) {
				acousticModel(t, dir)
				b, err := read.OpenBase(filepath.Join(dir, "net.onnx"))
				if err != nil {
					t.Fatal(err)
				}
				n, err := b.Network(read.BaseOptions{})
				if err == nil {
					err = read.Keep(dir, n, b.Features())
				}
				if err != nil {
					t.Fatal(err)
				}
			},
		},
		{name: "base of lines", funcs: []string{"seq/read.OpenLineBase"}, file: "net.energo.yaml", make: lineModel, read: ofLines, blind: noDigest},
		{name: "acoustic base", funcs: []string{"seq/read.OpenBase"}, file: "net.energo.yaml", make: acousticModel, read: acoustic, blind: noDigest},
		{name: "run/tagger.json", funcs: []string{"seq/tag.Open"}, file: tag.CardFile, make: run("tagger"), read: tagger, blind: noDigest},
		{name: "run/words.json", file: tag.WordsFile, make: run("tagger"), read: tagger, blind: noDigest},
		{name: "run/tagger's weights", file: jobs.ModelFile, make: run("tagger"), read: tagger},
		{name: "run/tagger.json of attributes", file: tag.CardFile, make: run("attributes"), read: tagger, blind: noDigest},
		{name: "run/words.json of attributes", file: tag.WordsFile, make: run("attributes"), read: tagger, blind: noDigest},
		{name: "run/weights of attributes", file: jobs.ModelFile, make: run("attributes"), read: tagger},
		{name: "run/reader.json", funcs: []string{"seq/read.Open"}, file: read.CardFile, make: run("speech"), read: speech, blind: noDigest},
		{name: "run/times.safetensors", file: read.TimesFile, make: run("speech"), read: speech},
		{name: "run/result.json", funcs: []string{"report.Open", "report.ParseResult"}, file: job.ResultFile, make: run("digits"), read: opened, blind: noDigest},
		{name: "run/config.yaml", funcs: []string{"report.ParseConfig"}, file: job.ConfigFile, make: run("digits"), read: opened, blind: otherSeed},
		{name: "run/events.jsonl", file: train.LogFile, make: events, read: opened, blind: rest},
		{name: "run/test.safetensors", funcs: []string{"report.Run.Surface"}, file: jobs.TestFile, make: run("digits"), read: surfaceOf},
		{
			name: "card", funcs: []string{"internal/card.Decode"}, file: "card.json", blind: noDigest, quiet: true,
			make: only("card.json", []byte(`{"Name":"a","Values":[1,2.5],"Inner":{"N":3,"Text":"ü"}}`)),
			read: at("card.json", func(path string) (any, error) {
				text, err := os.ReadFile(path)
				if err != nil {
					return nil, err
				}
				var c struct {
					Name   string
					Values []float64
					Inner  struct {
						N    int
						Text string
					}
				}
				err = card.Decode(text, &c)
				return fmt.Sprintf("%q", fmt.Sprint(c)), err
			}),
		},
	}
}

// indexReaders read a folder of vectors, of which one part is in a segment and one in the log.
func indexReaders() []reader {
	item := func(i int) index.Item {
		return index.Item{ID: fmt.Sprint("item ", i), Label: fmt.Sprint(i % 3), Vector: []float32{float32(i), 1, -float32(i * i)}, Fields: map[string]string{"path": fmt.Sprint(i, ".png")}}
	}
	madeWith := func(t *testing.T, dir string, storage index.Storage) {
		t.Helper()
		x, err := index.Create(filepath.Join(dir, "index"), index.Options{Dim: 3, Encoder: "e", Storage: storage})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			if err := x.Add(t.Context(), []index.Item{item(i), item(i + 20)}); err != nil {
				t.Fatal(err)
			}
			if i == 7 {
				if err := x.Compact(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := x.Delete(t.Context(), []string{"item 3"}); err != nil {
			t.Fatal(err)
		}
		label := "new"
		if _, err := x.Update(t.Context(), []index.Patch{{ID: "item 5", Label: &label, Remove: []string{"path"}}}); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	made := func(t *testing.T, dir string) {
		t.Helper()
		madeWith(t, dir, index.Float32)
	}
	madeBits := func(t *testing.T, dir string) {
		t.Helper()
		madeWith(t, dir, index.Bits)
	}
	read := func(open func(string) (*index.Exact, error)) func(string) (any, error) {
		return func(dir string) (content any, err error) {
			x, err := open(filepath.Join(dir, "index"))
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, x.Close()) }()
			var all []index.Item
			for item, err := range x.Each(context.Background()) {
				if err != nil {
					return nil, err
				}
				all = append(all, item)
			}
			return fmt.Sprint(all), nil
		}
	}
	return []reader{
		{name: "index/manifest", funcs: []string{"search/index.OpenReadOnly"}, file: "index/index.json", make: made, read: read(index.OpenReadOnly)},
		{name: "index/segment", file: "index/*.segment", make: made, read: read(index.OpenReadOnly)},
		{name: "index/segment with bits", file: "index/*.segment", make: madeBits, read: read(index.OpenReadOnly)},
		{name: "index/log", file: "index/*.log", make: made, read: read(index.OpenReadOnly)},
		{name: "index/log, to change", funcs: []string{"search/index.Open"}, file: "index/*.log", make: made, read: read(index.Open), fresh: true},
	}
}

// jobReaders read the work of embed, and requests for losses.
func jobReaders() []reader {
	work := func(t *testing.T, dir string) {
		t.Helper()
		var pictures []bulk.Picture
		for i := range 3 {
			name := fmt.Sprint(i, ".png")
			write(t, home, name, pngOf(t, noise(4+i, 5)))
			pictures = append(pictures, bulk.Picture{ID: name, Label: "a", File: filepath.Join(home, name)})
		}
		p, err := bulk.NewPlan(t.Context(), filepath.Join(dir, "work"), "run", corner{}, pictures, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for s := range p.Shards() {
			if err := p.Do(t.Context(), corner{}, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	saved := func(dir string) (any, error) {
		p, err := bulk.OpenPlan(filepath.Join(dir, "work"))
		if err != nil {
			return nil, err
		}
		files, err := p.Save(context.Background(), filepath.Join(dir, "out.npy"), 0)
		if err != nil {
			return nil, err
		}
		var all bytes.Buffer
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			all.Write(text)
		}
		return all.String(), nil
	}
	const request = `{"id":7,"loss":"MultiMarginLoss","options":{"weight":[1,2],"reduction":"sum","margin":0.5},"inputs":{"input":{"shape":[2,2],"data":[0,1,0.25,"NaN"]},"target":{"shape":[2],"data":[1,0]}}}`
	return []reader{
		{name: "embed/plan.json", funcs: []string{"search/bulk.OpenPlan"}, file: "work/plan.json", make: work, read: saved, blind: noDigest},
		{name: "embed/list", file: "work/pictures.jsonl", make: work, read: saved},
		{name: "embed/shard", file: "work/shard-0000000.f32", make: work, read: saved},
		{name: "embed/shard's report", file: "work/shard-0000001.json", make: work, read: saved, blind: noDigest},
		{
			name: "request of a loss", funcs: []string{"catalogue.Answer"}, file: "line", blind: noDigest, quiet: true, make: only("line", []byte(request)),
			read: at("line", func(path string) (any, error) {
				text, err := os.ReadFile(path)
				if err != nil {
					return nil, err
				}
				answer := string(catalogue.Answer(nil, text))
				if strings.Contains(answer, `"error":`) {
					return nil, errors.New(answer)
				}
				return answer, nil
			}),
		},
	}
}

// networkOf is a network that begins with a model.
func networkOf(b *encode.Base) (*encode.Network, error) {
	p := b.Pictures()
	return b.Network(encode.Spec{Job: "search", Channels: p.C, Height: p.H, Width: p.W, Metric: distance.Cosine}, encode.BaseOptions{Seed: 1})
}

// started is what a network that begins with a model makes of a picture.
func started(b *encode.Base) (any, error) {
	n, err := networkOf(b)
	if err != nil {
		return nil, err
	}
	p := b.Pictures()
	set := &data.Pictures{N: 1, C: p.C, H: p.H, W: p.W, Pixels: make([]byte, p.C*p.H*p.W)}
	for i := range set.Pixels {
		set.Pixels[i] = byte(7 * i)
	}
	x, err := n.Worker().Embed(context.Background(), set)
	return fmt.Sprint(n.Spec, x), err
}

// heard is what a network that begins with an acoustic model makes of a line.
func heard(b *read.Base) (any, error) {
	n, err := b.Network(read.BaseOptions{})
	if err != nil {
		return nil, err
	}
	x, err := n.Emissions(data.Line{H: n.Height, W: 200, Pixels: make([]float32, 200*n.Height)})
	if f := b.Features(); f != nil {
		return fmt.Sprintf("%v %v %+v %v", n.Tokens, *n.Imported, *f.Front, x), err
	}
	return fmt.Sprintf("%v %v %v", n.Tokens, *n.Imported, x), err
}

// lineModel is an untrained recogniser of lines as an ONNX model, with a card.
func lineModel(t *testing.T, dir string) {
	t.Helper()
	n, err := read.NewNetwork(read.Spec{Height: 16, Tokens: []string{"a", "b"}, Channels: 4}, 1)
	if err == nil {
		err = read.Save(dir, n, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := read.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	writeWithCard(t, dir, r.Graph(), "channels: grey\nmean: 0.25\ndeviation: 0.5\ntokens: [a, b]\nblank: 0\nemissions: log_probs\n")
}

// writeWithCard writes a graph as an ONNX model, whose metadata are left out so that its card is needed.
func writeWithCard(t *testing.T, dir string, g *export.Graph, card string) {
	t.Helper()
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Metadata = nil
	content, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "net.onnx", content)
	write(t, dir, "net.energo.yaml", []byte(card))
}

// classifierFolder has an untrained classifier.
func classifierFolder(t *testing.T, dir string) {
	t.Helper()
	m, err := classify.New(classify.Spec{Channels: 3, Height: 8, Width: 8, Classes: []string{"cat", "dog"}}, 1)
	if err == nil {
		err = m.Save(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// onnxClassifier writes a classifier as an ONNX model.
func onnxClassifier(t *testing.T, dir string) {
	t.Helper()
	m, err := classify.New(classify.Spec{Channels: 1, Height: 8, Width: 8, Classes: []string{"cat", "dog"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Graph().Model()
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "net.onnx", text)
}

// textsFolder writes a model of texts of seq/sentence's tests.
func textsFolder(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "seq/sentence/testdata/mean"))); err != nil {
		t.Fatal(err)
	}
}

// importedEncoder writes an encoder as an ONNX model with a card.
func importedEncoder(t *testing.T, dir string) {
	t.Helper()
	n, err := encode.NewNetwork(encode.Spec{Job: "search", Channels: 1, Height: 8, Width: 8, Dim: 2, Metric: distance.Euclidean}, 1)
	if err != nil {
		t.Fatal(err)
	}
	writeWithCard(t, dir, n.Graph(), "channels: grey\nmean: 0.5\ndeviation: [0.25]\nmetric: cosine\n")
}

// acousticModel is one of seq/read's tests, with a card.
func acousticModel(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "seq/read/testdata/tune.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "net.onnx", content)
	write(t, dir, "net.energo.yaml", []byte(`features: log_mel
rate: 8000
window: 25ms
hop: 10ms
fft: 256
mel_scale: slaney
norm: slaney
symmetric_window: true
preemphasis: 0.97
log: natural
floor: 5.960464477539063e-08
add_floor: true
padding: zeros
drop_last: true
normalise: per_feature
emissions: logits
tokens: [a, b, c]
blank: 3
`))
}

// corner is an encoder of one pixel.
type corner struct{}

func (corner) Dim() int              { return 3 }
func (corner) Fingerprint() string   { return "c" }
func (corner) Metric() distance.Kind { return distance.Euclidean }
func (corner) Size() image.Point     { return image.Pt(1, 1) }
func (corner) Channels() int         { return 3 }
func (corner) Encode(dst []float32, pictures []image.Image) error {
	for i, m := range pictures {
		c := color.RGBAModel.Convert(m.At(m.Bounds().Min.X, m.Bounds().Min.Y)).(color.RGBA)
		copy(dst[3*i:], []float32{float32(c.R), float32(c.G), float32(c.B)})
	}
	return nil
}

func serveReaders() []reader {
	const file = "tokens"
	return []reader{{
		name: "tokens", funcs: []string{"serve/bearer.Parse"}, file: file, blind: noDigest,
		make: func(t *testing.T, dir string) {
			text := "# who may do what\n" + bearer.Line(bearer.Holder{Name: "grafana", Scopes: []bearer.Scope{bearer.ScopeRead}}, "a") +
				bearer.Line(bearer.Holder{Name: "loader", Scopes: bearer.Scopes()}, "b")
			write(t, dir, file, []byte(text))
		},
		read: at(file, func(path string) (any, error) {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			l, err := bearer.Parse(path, text)
			return fmt.Sprintf("%+v", l), err
		}),
	}}
}

// sweepFolder makes the folder of a sweep: what is tried, and what came of it.
func sweepFolder(t *testing.T, dir string) {
	j, _ := job.Named(jobs.All(), "parabola")
	a, err := sweep.ParseAxis(j.New().Options().Find("lr"), "log:0.001..0.1")
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := sweep.New(sweep.Plan{Job: j, Search: sweep.Random, Trials: 3, Axes: []sweep.Axis{a}})
	if err == nil {
		err = w.Write(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Summarise(j)
	if err == nil {
		err = card.Write(filepath.Join(dir, sweep.SummaryFile), s)
	}
	if err != nil {
		t.Fatal(err)
	}
}
