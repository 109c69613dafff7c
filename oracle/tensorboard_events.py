"""Writes report/tensorboard/testdata/events.golden by TensorBoard's own protocol buffers and record writer; needs the package tensorboard.

With --read DIR it prints as JSON what TensorBoard reads in a folder of event files: scalars, histograms, pictures and the hparams view's messages.
"""

import argparse
import json
import pathlib

from tensorboard.backend.event_processing import event_multiplexer
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000010802000000" "7b40e8dd0000000f49444154789c63f8cfc0f0ff3f030000"
)


def golden(path):
    out = open(path, "wb")
    w = RecordWriter(out)

    def event(wall=0.0, step=0, **fields):
        w.write(event_pb2.Event(wall_time=wall, step=step, **fields).SerializeToString(deterministic=True))

    def value(wall, step, tag, **fields):
        event(wall, step, summary=summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, **fields)]))

    def plugin(wall, tag, **fields):
        shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=0)])
        value(
            wall, 0, tag, tensor=tensor_pb2.TensorProto(dtype=1, tensor_shape=shape),
            metadata=summary_pb2.SummaryMetadata(
                plugin_data=summary_pb2.SummaryMetadata.PluginData(
                    plugin_name=metadata.PLUGIN_NAME,
                    content=plugin_data_pb2.HParamsPluginData(**fields).SerializeToString(deterministic=True),
                )
            ),
        )

    event(file_version="brain.Event:2")
    value(1500000000.25, 10, "train/loss", simple_value=0.75)
    value(1500000001.5, 20, "train/loss", simple_value=0)
    value(1500000002.0, 300, "train/loss", simple_value=float("nan"))
    values = [0.0, 1.0, 1.0, 2.5, 30.0]
    counts = [0.0] * 30
    for v in values:
        counts[max(0, -(-int(v * 10) // 10) - 1) if v else 0] += 1
    value(
        1500000003.0, 300, "test/gap",
        histo=summary_pb2.HistogramProto(
            min=0, max=30, num=5, sum=sum(values), sum_squares=sum(v * v for v in values),
            bucket_limit=[float(i + 1) for i in range(30)], bucket=counts,
        ),
    )
    value(1500000003.0, 300, "plots/loss", image=summary_pb2.Summary.Image(height=1, width=2, colorspace=4, encoded_image_string=PNG))
    start = plugin_data_pb2.SessionStartInfo(group_name="a", start_time_secs=1500000000.25)
    start.hparams["functional"].string_value = "hinge"
    start.hparams["lr"].number_value = 0.01
    start.hparams["raw"].bool_value = False
    start.hparams["seed"].number_value = 0
    plugin(1500000000.25, metadata.SESSION_START_INFO_TAG, session_start_info=start)
    plugin(
        1500000003.0, metadata.SESSION_END_INFO_TAG,
        session_end_info=plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=1500000003.0),
    )
    text = api_pb2.HParamInfo(name="functional", type=api_pb2.DATA_TYPE_STRING)
    text.domain_discrete.extend(["hinge"])
    truth = api_pb2.HParamInfo(name="raw", type=api_pb2.DATA_TYPE_BOOL)
    truth.domain_discrete.extend([False])
    plugin(
        0, metadata.EXPERIMENT_TAG,
        experiment=api_pb2.Experiment(
            hparam_infos=[
                text, api_pb2.HParamInfo(name="lr", type=api_pb2.DATA_TYPE_FLOAT64), truth,
                api_pb2.HParamInfo(name="seed", type=api_pb2.DATA_TYPE_FLOAT64),
            ],
            metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag="test/error"), display_name="test/error")],
        ),
    )
    out.close()


def read(folder):
    m = event_multiplexer.EventMultiplexer(size_guidance={"scalars": 0, "tensors": 0, "images": 0, "histograms": 0})
    m.AddRunsFromDirectory(folder)
    m.Reload()
    out = {}
    for name in sorted(m.Runs()):
        a = m.GetAccumulator(name)
        run = out[name] = {"hparams": {}}
        for tag in a.Tags()["tensors"]:
            md = a.SummaryMetadata(tag)
            events = a.Tensors(tag)
            if md.plugin_data.plugin_name == metadata.PLUGIN_NAME:
                run["hparams"][tag] = str(plugin_data_pb2.HParamsPluginData.FromString(md.plugin_data.content))
                continue
            run.setdefault(md.plugin_data.plugin_name, {})[tag] = [
                [e.step, e.tensor_proto.float_val[0] if e.tensor_proto.float_val else len(e.tensor_proto.string_val) or list(e.tensor_proto.tensor_shape.dim)[0].size]
                for e in events
            ]
        for kind in ("scalars", "histograms", "images"):
            for tag in a.Tags()[kind]:
                events = {"scalars": a.Scalars, "histograms": a.Histograms, "images": a.Images}[kind](tag)
                run.setdefault(kind, {})[tag] = [
                    [e.step, e.value if kind == "scalars" else e.histogram_value.num if kind == "histograms" else [e.width, e.height]] for e in events
                ]
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--read", metavar="DIR")
    a = p.parse_args()
    if a.read:
        read(a.read)
    else:
        golden(pathlib.Path(__file__).parent.parent / "report/tensorboard/testdata/events.golden")
