"""Writes engine/onnx/huggingface/testdata/: small folders as transformers saves them, with random weights, and beside each a file with inputs and
the outputs that transformers computes from them.

Needs transformers beside torch.
"""

import json
import os
import shutil

import torch
import transformers as T

import weights


def path(*parts):
    return weights.here("engine", "onnx", "huggingface", "testdata", *parts)


def randomise(model):
    """Values that are not those of the initialisation, which has ones and zeros."""
    for name, t in model.state_dict().items():
        if t.is_floating_point():
            t.copy_(0.5 + torch.rand(t.shape) if name.endswith("running_var") else t + 0.1 * torch.randn(t.shape))


def folder(name, model, inputs, outputs, extra=None, binary=False, **options):
    """Saves a model and what it makes of inputs. outputs: names of the model's, or functions of the model's outputs and inputs."""
    torch.manual_seed(len(name))
    randomise(model)
    model.eval()
    dir = path(name)
    shutil.rmtree(dir, ignore_errors=True)
    os.makedirs(dir)
    model.save_pretrained(dir, **options)
    if binary:
        os.remove(os.path.join(dir, "model.safetensors"))
        torch.save(model.state_dict(), os.path.join(dir, "pytorch_model.bin"))
    if os.path.exists(os.path.join(dir, "generation_config.json")):
        os.remove(os.path.join(dir, "generation_config.json"))
    for file, value in (extra or {}).items():
        os.makedirs(os.path.dirname(os.path.join(dir, file)), exist_ok=True)
        with open(os.path.join(dir, file), "w") as f:
            json.dump(value, f, indent=1)
    with torch.no_grad():
        out = model(**inputs)
    result = {"in." + k: v for k, v in inputs.items()}
    for key in outputs:
        result["out." + key] = outputs[key](out, inputs) if isinstance(outputs, dict) else out[key]
    weights.save(path(name + ".safetensors"), result)


def tokens(vocabulary):
    """Two texts, of 7 and 4 tokens."""
    ids = torch.randint(3, vocabulary, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0] * 7])}


def mean(out, inputs):
    m = inputs["attention_mask"][:, :, None].float()
    return (out.last_hidden_state * m).sum(1) / m.sum(1)


def texts():
    small = dict(vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=16)
    inputs = tokens(30)
    pooled = {"1_Pooling/config.json": {"word_embedding_dimension": 8, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}}
    stages = [{"idx": i, "name": str(i), "path": p, "type": "sentence_transformers.models." + t} for i, (p, t) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])]
    every = {
        "last_hidden_state": lambda o, i: o.last_hidden_state,
        "pooler_output": lambda o, i: o.pooler_output,
        "sentence_embedding": lambda o, i: torch.nn.functional.normalize(mean(o, i)),
    }
    folder("sentences", T.BertModel(T.BertConfig(**small)), inputs, every, {"modules.json": stages, **pooled})
    folder("shards", T.BertModel(T.BertConfig(**small | {"hidden_act": "gelu_new"})), inputs, ["last_hidden_state", "pooler_output"], max_shard_size="3KB")
    folder("bert-sequences", T.BertForSequenceClassification(T.BertConfig(**small, num_labels=3)), inputs, ["logits"], binary=True)
    folder("bert-tokens", T.BertForTokenClassification(T.BertConfig(**small, num_labels=5)), inputs, ["logits"])
    distil = dict(vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=16)
    two = {k: inputs[k] for k in ("input_ids", "attention_mask")}
    folder("distilbert", T.DistilBertModel(T.DistilBertConfig(**distil)), two, ["last_hidden_state"])
    folder("distilbert-sequences", T.DistilBertForSequenceClassification(T.DistilBertConfig(**distil, num_labels=3)), two, ["logits"])
    two["input_ids"] = torch.where(two["attention_mask"] > 0, two["input_ids"], 1)
    small["max_position_embeddings"] = 18
    folder("roberta", T.XLMRobertaModel(T.XLMRobertaConfig(**small, type_vocab_size=1)), two, ["last_hidden_state", "pooler_output"])
    folder("roberta-sequences", T.RobertaForSequenceClassification(T.RobertaConfig(**small, type_vocab_size=1, num_labels=3)), two, ["logits"])
    long = {"input_ids": torch.randint(3, 30, (1, 150)), "attention_mask": torch.ones(1, 150, dtype=torch.long)}
    small["max_position_embeddings"] = 160
    folder("mpnet", T.MPNetModel(T.MPNetConfig(**small, relative_attention_num_buckets=32)), long, ["last_hidden_state", "pooler_output"])


def pictures():
    x = {"pixel_values": torch.randn(2, 3, 21, 26)}
    whole = {"last_hidden_state": lambda o, i: o.last_hidden_state, "pooler_output": lambda o, i: o.pooler_output}

    def classes(model, base):
        return {"logits": lambda o, i: o.logits, "pooler_output": lambda o, i: getattr(model, base)(**i).pooler_output}

    processor = {"do_normalize": True, "do_resize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": {"shortest_edge": 48}, "crop_pct": 0.875}
    m = T.ResNetForImageClassification(T.ResNetConfig(embedding_size=4, hidden_sizes=[4, 8, 12], depths=[2, 1, 1], layer_type="basic", num_labels=3))
    folder("resnet-basic", m, x, classes(m, "resnet"), {"preprocessor_config.json": processor})
    options = dict(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 2])
    folder("resnet-bottleneck", T.ResNetModel(T.ResNetConfig(**options)), x, whole)
    folder("resnet-early", T.ResNetModel(T.ResNetConfig(**options, downsample_in_first_stage=True, downsample_in_bottleneck=True)), x, whole, binary=True)

    m = T.MobileNetV2ForImageClassification(T.MobileNetV2Config(depth_multiplier=0.05, depth_divisible_by=2, min_depth=2, finegrained_output=False, num_labels=3))
    folder("mobilenet", m, x, classes(m, "mobilenet_v2"))
    folder("mobilenet-pads", T.MobileNetV2Model(T.MobileNetV2Config(depth_multiplier=0.05, depth_divisible_by=2, min_depth=2, finegrained_output=False, tf_padding=False, first_layer_is_expansion=False)), x, whole)

    small = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, patch_size=8)
    x = {"pixel_values": torch.randn(2, 3, 16, 24)}
    folder("vit", T.ViTModel(T.ViTConfig(**small, image_size=[16, 24], qkv_bias=False)), x, whole)
    folder("deit", T.DeiTModel(T.DeiTConfig(**small, image_size=[16, 24])), x, whole)

    def tokens(model, base):
        return {"logits": lambda o, i: o.logits, "pooler_output": lambda o, i: getattr(model, base)(**i).last_hidden_state[:, 0]}

    x = {"pixel_values": torch.randn(2, 3, 16, 16)}
    processor = {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"height": 16, "width": 16}}
    m = T.ViTForImageClassification(T.ViTConfig(**small, image_size=16, num_labels=3))
    folder("vit-classes", m, x, tokens(m, "vit"), {"preprocessor_config.json": processor})
    m = T.DeiTForImageClassification(T.DeiTConfig(**small, image_size=16, num_labels=3))
    folder("deit-classes", m, x, tokens(m, "deit"))
    m = T.DeiTForImageClassificationWithTeacher(T.DeiTConfig(**small, image_size=16, num_labels=3))
    folder("deit-teacher", m, x, tokens(m, "deit"))


def sounds():
    small = dict(vocab_size=6, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, conv_dim=(4, 6), conv_stride=(5, 2), conv_kernel=(10, 3), num_conv_pos_embedding_groups=2)
    x = {"input_values": torch.randn(2, 200)}
    extra = {
        "vocab.json": {"<pad>": 0, "|": 1, "a": 2, "b": 3, "<unk>": 4, "é": 5},
        "preprocessor_config.json": {"do_normalize": True, "feature_size": 1, "padding_side": "right", "padding_value": 0.0, "return_attention_mask": False, "sampling_rate": 16000},
    }
    folder("wav2vec", T.Wav2Vec2ForCTC(T.Wav2Vec2Config(**small, num_conv_pos_embeddings=4)), x, ["logits"], extra)
    folder("wav2vec-stable", T.Wav2Vec2ForCTC(T.Wav2Vec2Config(**small, num_conv_pos_embeddings=5, do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True)), x, ["logits"])
    folder("wav2vec-body", T.Wav2Vec2Model(T.Wav2Vec2Config(**small, num_conv_pos_embeddings=4)), x, ["last_hidden_state"], binary=True)
    folder("hubert", T.HubertForCTC(T.HubertConfig(**small, num_conv_pos_embeddings=4, feat_proj_layer_norm=False)), x, ["logits"])


def main():
    texts()
    pictures()
    sounds()


if __name__ == "__main__":
    main()
