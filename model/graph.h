// The model graph: the typed form that every model takes in Octet. The zoo
// builds it, ONNX files load into it, the trainer runs it, FLOPs are counted
// on it and the exporter rewrites it.
#ifndef OCTET_MODEL_GRAPH_H_
#define OCTET_MODEL_GRAPH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octet::model {

enum class DataType { kFloat32, kInt8, kUint8, kInt32, kInt64 };
/// Bytes of one element.
int64_t SizeOf(DataType type);
/// "float32", "int8", ...: the names of manifest.json.
std::string_view Name(DataType type);

/// Sizes of a tensor, outermost first. Images are NCHW. kBatch, allowed only
/// as the first dimension, stands for a batch that is known when it runs.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kBatch = -1;
/// "[N, 3, 224, 224]": for messages, N for kBatch.
std::string ToString(const Shape& shape);
/// Product of the sizes; without the batch dimension where it is kBatch.
int64_t ElementCount(const Shape& shape);

/// A constant: weights, biases, running statistics, scales, zero points.
/// data: row-major, little endian, ElementCount(shape) * SizeOf(type) bytes.
struct Tensor {
  DataType type = DataType::kFloat32;
  Shape shape;
  std::vector<std::byte> data;

  static Tensor Floats(Shape shape, const std::vector<float>& values);
  /// T is the type that `type` names; one value for each element of `shape`.
  template <typename T>
  static Tensor Of(DataType type, Shape shape, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {type, std::move(shape), {bytes.begin(), bytes.end()}};
  }
  int64_t ElementCount() const { return model::ElementCount(shape); }
  /// Views as T; `type` must be T's. Valid as long as the tensor is unchanged.
  template <typename T>
  const T* As() const {
    return reinterpret_cast<const T*>(data.data());
  }
  template <typename T>
  T* As() {
    return reinterpret_cast<T*>(data.data());
  }
  bool operator==(const Tensor&) const = default;
};

/// Operators: ONNX's names, inputs and meaning (opset 13), with the
/// attributes that vision models use. Spatial pairs are {height, width};
/// pads are {top, left, bottom, right}.
struct Conv {  // X, W[out, in/group, kh, kw], optional B[out]
  std::array<int64_t, 2> kernel{1, 1}, strides{1, 1}, dilations{1, 1};
  std::array<int64_t, 4> pads{};
  int64_t group = 1;
  bool operator==(const Conv&) const = default;
};
struct BatchNormalization {  // X[N, C, ...], scale[C], B[C], mean[C], var[C]
  float epsilon = 1e-5f;
  /// Weight of the OLD running statistics, as in ONNX; PyTorch's is 1 - this.
  float momentum = 0.9f;
  bool operator==(const BatchNormalization&) const = default;
};
struct Relu {
  bool operator==(const Relu&) const = default;
};
struct Clip {  // ReLU6 is Clip{0, 6}.
  float min = 0.0f, max = 6.0f;
  bool operator==(const Clip&) const = default;
};
struct Add {  // A, B of the same shape
  bool operator==(const Add&) const = default;
};
struct MaxPool {  // Padding never wins: it counts as minus infinity.
  std::array<int64_t, 2> kernel{2, 2}, strides{2, 2};
  std::array<int64_t, 4> pads{};
  bool operator==(const MaxPool&) const = default;
};
struct AveragePool {
  std::array<int64_t, 2> kernel{2, 2}, strides{2, 2};
  std::array<int64_t, 4> pads{};
  bool count_include_pad = false;
  bool operator==(const AveragePool&) const = default;
};
struct GlobalAveragePool {  // [N, C, H, W] -> [N, C, 1, 1]
  bool operator==(const GlobalAveragePool&) const = default;
};
struct Flatten {  // [N, ...] -> [N, product]; the axis is always 1.
  int64_t axis = 1;
  bool operator==(const Flatten&) const = default;
};
struct Gemm {  // X[N, in], W[out, in], B[out]: X W^T + B (transB = 1)
  bool operator==(const Gemm&) const = default;
};
struct Softmax {
  int64_t axis = -1;
  bool operator==(const Softmax&) const = default;
};
/// scale and zero_point: both of one element, or [X's size along axis].
struct QuantizeLinear {  // X float32, scale, zero_point int8 or uint8
  int64_t axis = 1;
  bool operator==(const QuantizeLinear&) const = default;
};
struct DequantizeLinear {  // Q int8, uint8 or int32, scale, zero_point of Q's type
  int64_t axis = 1;
  bool operator==(const DequantizeLinear&) const = default;
};

using Op =
    std::variant<Conv, BatchNormalization, Relu, Clip, Add, MaxPool, AveragePool, GlobalAveragePool,
                 Flatten, Gemm, Softmax, QuantizeLinear, DequantizeLinear>;
/// ONNX's name: "Conv", "BatchNormalization", ...
std::string_view OpName(const Op& op);

/// A value is named by a string: the graph's input, a constant, or the one
/// output of a node. Names are unique over all three.
struct Node {
  std::string name;
  Op op;
  std::vector<std::string> inputs;
  std::string output;

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&op);
  }
  bool operator==(const Node&) const = default;
};

struct ValueInfo {
  std::string name;
  DataType type = DataType::kFloat32;
  Shape shape;
  bool operator==(const ValueInfo&) const = default;
};

/// Plain data; copy it to rewrite it. Invariants, checked by Validate: nodes
/// in topological order, names unique, inputs known, one input, one output,
/// tensors as long as their shapes say, attributes in range, weights known
/// before the graph runs: constants, or constants through QuantizeLinear and
/// DequantizeLinear.
struct Graph {
  std::string name;
  ValueInfo input;   // [kBatch, C, H, W]
  ValueInfo output;  // [kBatch, classes]
  std::vector<Node> nodes;
  std::map<std::string, Tensor> constants;
  /// Free text kept in the ONNX file (metadata_props). Octet writes
  /// "octet.mean", "octet.std" (comma-separated, in units of pixel / 255),
  /// "octet.dataset", "octet.dataset_sha256" and "octet.classes".
  std::map<std::string, std::string> metadata;

  const Node* Producer(std::string_view value) const;                // null: not a node's output
  std::vector<const Node*> Consumers(std::string_view value) const;  // in order, each once
  bool operator==(const Graph&) const = default;
};

/// INVALID_ARGUMENT names the node, its operator and what is wrong.
absl::Status Validate(const Graph& graph);

/// The shape of every value (input, constants, node outputs), with kBatch
/// kept. Validates the graph first. INVALID_ARGUMENT names the node whose
/// inputs do not fit in shape or type, or an output that is not as declared.
absl::StatusOr<std::map<std::string, Shape>> InferShapes(const Graph& graph);

/// Trained values: float constants of Conv, BatchNormalization (scale, B) and
/// Gemm, in the order the nodes use them, each once. Running statistics are
/// not among them, nor are quantized weights.
std::vector<std::string> ParameterNames(const Graph& graph);
/// Running mean and variance of every BatchNormalization, in node order.
std::vector<std::string> BufferNames(const Graph& graph);
/// Elements over ParameterNames.
int64_t ParameterCount(const Graph& graph);

struct NodeFlops {
  std::string node;  // Node::name
  std::string op;    // OpName
  int64_t flops = 0;
};

/// Floating-point operations of one image's forward pass. One multiply-add is
/// 2 FLOPs. Counted: Conv and Gemm (2 per multiply-add, 1 per bias element
/// added), BatchNormalization (2 an element), Add, Relu and Clip (1 an element
/// written), pooling (1 an element of each window). Softmax and quantization
/// count 0. Errors as InferShapes.
absl::StatusOr<int64_t> FlopsPerImage(const Graph& graph);
/// The same by node, in node order.
absl::StatusOr<std::vector<NodeFlops>> FlopsByNode(const Graph& graph);
/// Training an image costs this many times its forward FLOPs: forward, and the
/// gradients by input and by weight, each about as long as the forward pass.
inline constexpr int64_t kTrainingFlopsFactor = 3;

}  // namespace octet::model

#endif  // OCTET_MODEL_GRAPH_H_
