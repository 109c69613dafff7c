"""Writes engine/onnx/format/testdata, small ONNX files and what they hold, and small models with what they give.

The files are built by the onnx wheel's messages, so that the protocol buffers are those of Google's library. types.onnx has a
tensor of each type twice: in the field of its type, and in raw_data; the two must be read as the same bytes.
"""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = os.path.join(os.path.dirname(__file__), "..", "engine", "onnx", "format", "testdata")

# Each type's elements: as the field of the type holds them, and as raw bytes.
ELEMENTS = {
    "FLOAT": ("float_data", [1.5, -2.0, 0.0], np.array([1.5, -2, 0], "<f4").tobytes()),
    "DOUBLE": ("double_data", [1.5, -2.0, 0.0], np.array([1.5, -2, 0], "<f8").tobytes()),
    "COMPLEX64": ("float_data", [1.5, -2.0, 3.0, 4.0, 5.0, 6.0], np.array([1.5, -2, 3, 4, 5, 6], "<f4").tobytes()),
    "COMPLEX128": ("double_data", [1.5, -2.0, 3.0, 4.0, 5.0, 6.0], np.array([1.5, -2, 3, 4, 5, 6], "<f8").tobytes()),
    "INT64": ("int64_data", [1, -2, 1 << 40], np.array([1, -2, 1 << 40], "<i8").tobytes()),
    "UINT64": ("uint64_data", [1, 2, 1 << 63], np.array([1, 2, 1 << 63], "<u8").tobytes()),
    "UINT32": ("uint64_data", [1, 2, (1 << 32) - 1], np.array([1, 2, (1 << 32) - 1], "<u4").tobytes()),
    "INT32": ("int32_data", [1, -2, 1 << 20], np.array([1, -2, 1 << 20], "<i4").tobytes()),
    "INT16": ("int32_data", [1, -2, 300], np.array([1, -2, 300], "<i2").tobytes()),
    "UINT16": ("int32_data", [1, 2, 65535], np.array([1, 2, 65535], "<u2").tobytes()),
    "INT8": ("int32_data", [1, -2, -128], np.array([1, -2, -128], "i1").tobytes()),
    "UINT8": ("int32_data", [1, 2, 255], bytes([1, 2, 255])),
    "BOOL": ("int32_data", [1, 0, 1], bytes([1, 0, 1])),
    # Patterns of bits: 0x3c00 is the float16 1, 0x3f80 the bfloat16 1.
    "FLOAT16": ("int32_data", [0x3C00, 0xC000, 0], np.array([0x3C00, 0xC000, 0], "<u2").tobytes()),
    "BFLOAT16": ("int32_data", [0x3F80, 0xC000, 0], np.array([0x3F80, 0xC000, 0], "<u2").tobytes()),
    "FLOAT8E4M3FN": ("int32_data", [0x38, 0xC0, 0], bytes([0x38, 0xC0, 0])),
    "FLOAT8E4M3FNUZ": ("int32_data", [0x38, 0xC0, 0], bytes([0x38, 0xC0, 0])),
    "FLOAT8E5M2": ("int32_data", [0x38, 0xC0, 0], bytes([0x38, 0xC0, 0])),
    "FLOAT8E5M2FNUZ": ("int32_data", [0x38, 0xC0, 0], bytes([0x38, 0xC0, 0])),
    "FLOAT8E8M0": ("int32_data", [0x7F, 0x80, 0], bytes([0x7F, 0x80, 0])),
    # Packed from the least significant bits on: 1, 15, 3.
    "UINT4": ("int32_data", [0xF1, 0x03], bytes([0xF1, 0x03])),
    "INT4": ("int32_data", [0xF1, 0x03], bytes([0xF1, 0x03])),
    "FLOAT4E2M1": ("int32_data", [0xF1, 0x03], bytes([0xF1, 0x03])),
    "UINT2": ("int32_data", [0b111001], bytes([0b111001])),
    "INT2": ("int32_data", [0b111001], bytes([0b111001])),
    # An element a number in int32_data, four elements in three raw bytes: 1, 63, 33.
    "FLOAT6E2M3": ("int32_data", [1, 63, 33], bytes([1 | 63 << 6 & 0xFF, 63 >> 2 | (33 & 15) << 4, 33 >> 4])),
    "FLOAT6E3M2": ("int32_data", [1, 63, 33], bytes([1 | 63 << 6 & 0xFF, 63 >> 2 | (33 & 15) << 4, 33 >> 4])),
}


def tensor(name, kind, dims):
    return TensorProto(name=name, data_type=getattr(TensorProto, kind), dims=dims)


def types():
    """All types, a scalar, an empty tensor, strings."""
    all = []
    for kind, (field, values, raw) in ELEMENTS.items():
        typed = tensor("typed." + kind.lower(), kind, [3])
        getattr(typed, field).extend(values)
        plain = tensor("raw." + kind.lower(), kind, [3])
        plain.raw_data = raw
        all += [typed, plain]
    text = tensor("strings", "STRING", [2, 2])
    text.string_data.extend([b"a", b"", b"\xff", "\u00e9".encode()])
    scalar = tensor("scalar", "FLOAT", [])
    scalar.float_data.append(7)
    return graph("types", [], [], [], all + [text, scalar, tensor("empty", "INT64", [2, 0, 3])])


def graph(name, nodes, inputs, outputs, initializers=(), values=()):
    return helper.make_graph(nodes, name, inputs, outputs, list(initializers), value_info=list(values))


def value(name, kind=TensorProto.FLOAT, shape=("n", 3)):
    return helper.make_tensor_value_info(name, kind, shape)


def shapes():
    """Sequences, optionals, sparse tensors; dimensions that are numbers, 0, names, unknown; a shape without dimensions, and none."""
    t = helper.make_tensor_type_proto
    types = {
        "scalar": t(TensorProto.FLOAT, []), "no_shape": t(TensorProto.FLOAT, None), "dims": t(TensorProto.INT64, [2, 0, "n", None]),
        "sequence": helper.make_sequence_type_proto(t(TensorProto.FLOAT, ["n"])),
        "optional": helper.make_optional_type_proto(helper.make_sequence_type_proto(t(TensorProto.STRING, None))),
        "sparse": helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [4]),
        "map": helper.make_map_type_proto(TensorProto.INT64, t(TensorProto.FLOAT, None)),
    }
    values = [helper.make_value_info(name, type, doc_string="of " + name) for name, type in types.items()]
    return graph("shapes", [], values, [], values=[onnx.ValueInfoProto(name="untyped")])


def nodes():
    """Attributes of all types that are read, subgraphs, absent inputs, an operator of another domain."""
    branch = graph("branch", [helper.make_node("Identity", ["x"], ["b"])], [], [value("b")])
    other = graph("other", [helper.make_node("Neg", ["x"], ["c"])], [], [value("c")])
    many = helper.make_node("Many", ["x", "", "z.1/a:0"], ["m", ""], name="many", domain="org.example", overload="v2", doc_string="doc")
    constant = tensor("k", "FLOAT", [2])
    constant.float_data.extend([1, 2])
    many.attribute.extend([
        helper.make_attribute("f", 1.5), helper.make_attribute("i", -7), helper.make_attribute("s", "text"),
        helper.make_attribute("t", constant), helper.make_attribute("g", branch),
        helper.make_attribute("fs", [1.0, 2.5]), helper.make_attribute("is", [1, -2, 3]), helper.make_attribute("ss", ["a", "b"]),
        helper.make_attribute("ts", [constant, constant]), helper.make_attribute("gs", [branch, other]),
        helper.make_attribute("tp", helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])),
        onnx.AttributeProto(name="none", type=onnx.AttributeProto.INTS),
    ])
    choose = helper.make_node("If", ["cond"], ["y"], name="choose", then_branch=branch, else_branch=other)
    return graph("nodes", [many, choose], [value("x"), value("z.1/a:0"), value("cond", TensorProto.BOOL, [])], [value("y")])


def functions():
    """A function with an attribute that its call must give and one with a default."""
    ref = helper.make_node("LeakyRelu", ["a"], ["b"])
    ref.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    scaled = helper.make_function(
        "org.example", "Leaky", ["a"], ["b"], [ref], [helper.make_opsetid("", 17)], attributes=["slope"],
        attribute_protos=[helper.make_attribute("gain", 2.0)])
    call = helper.make_node("Leaky", ["x"], ["y"], domain="org.example", slope=0.5)
    return graph("functions", [call], [value("x")], [value("y")]), [scaled]


def external():
    """Two initializers and a constant in external.bin, the second and third in the same bytes."""
    def at(name, offset):
        t = tensor(name, "FLOAT", [2])
        t.data_location = TensorProto.EXTERNAL
        for key, v in ("location", "external.bin"), ("offset", str(offset)), ("length", "8"):
            t.external_data.add(key=key, value=v)
        return t
    with open(os.path.join(OUT, "external.bin"), "wb") as f:
        f.write(np.array([1, 2, 3, 4], "<f4").tobytes())
    constant = helper.make_node("Constant", [], ["k"], value=at("", 8))
    return graph("external", [constant], [], [value("k", shape=[2])], [at("a", 0), at("b", 8)])


def save(name, graph, functions=()):
    model = helper.make_model(
        graph, functions=list(functions), producer_name="oracle", producer_version="1", doc_string="a test",
        ir_version=10, opset_imports=[helper.make_opsetid("ai.onnx", 17), helper.make_opsetid("org.example", 1)])
    model.model_version = 3
    model.domain = "org.example"
    helper.set_model_props(model, {"author": "energo"})
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(model.SerializeToString(deterministic=True))


def main():
    os.makedirs(OUT, exist_ok=True)
    save("types.onnx", types())
    save("shapes.onnx", shapes())
    save("nodes.onnx", nodes())
    save("functions.onnx", *functions())
    save("external.onnx", external())
    with open(os.path.join(OUT, "tensor.pb"), "wb") as f:
        f.write(numpy_helper.from_array(np.arange(6, dtype="<i2").reshape(2, 3), "input").SerializeToString())
    cases()


def cases():
    """Writes what the tests of engine/onnx and of engine/onnx/conformance run."""
    def write(path, message):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(message.SerializeToString(deterministic=True))

    def model(graph):
        return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])

    x, y = value("x", shape=["batch", 3]), value("y", shape=["batch", 3])
    numbers = [numpy_helper.from_array(np.float32(n), name) for n, name in ((2, "two"), (1, "one"))]
    affine = model(helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["z"]), helper.make_node("Add", ["z", "one"], ["y"])], "affine", [x], [y], numbers))
    root = os.path.join(OUT, "..", "..")
    write(os.path.join(root, "testdata", "affine.onnx"), affine)
    unknown = model(helper.make_graph([helper.make_node("Affine", ["x"], ["y"])], "unknown", [x], [y]))
    given = np.array([[1, 2, 3]], "<f4")
    np.save(os.path.join(root, "testdata", "x.npy"), given)
    for name, m, result in (("passes", affine, 2 * given + 1), ("fails", affine, 2 * given), ("refused", unknown, given)):
        d = os.path.join(root, "conformance", "testdata", name)
        write(os.path.join(d, "model.onnx"), m)
        write(os.path.join(d, "test_data_set_0", "input_0.pb"), numpy_helper.from_array(given, "x"))
        write(os.path.join(d, "test_data_set_0", "output_0.pb"), numpy_helper.from_array(result.astype("<f4"), "y"))


if __name__ == "__main__":
    main()
