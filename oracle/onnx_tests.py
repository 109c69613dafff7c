"""Writes the ONNX project's own tests of operators, which its wheel makes, as folders below a folder: python oracle/onnx_tests.py DIR.

energo onnx test DIR runs them, and so does go test ./engine/onnx/conformance with ONNX_TESTS=DIR.
"""

import argparse
import sys
import types

import onnx.backend.test.cmd_tools as tools
from onnx.backend.test.loader import load_node_model_tests


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tools.model_test = types.SimpleNamespace(collect_testcases=load_node_model_tests)
    tools.generate_data(argparse.Namespace(output=sys.argv[1]))


if __name__ == "__main__":
    main()
