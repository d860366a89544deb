#include "model/zoo_builder.h"

#include <algorithm>
#include <cmath>

#include "common/random.h"

namespace octet::model {

ZooBuilder::ZooBuilder(const ZooOptions& options) : options_(options) {
  graph_.name = options.model;
  graph_.input = {
      "image", DataType::kFloat32, {kBatch, options.channels, options.height, options.width}};
}

ZooBuilder::Value ZooBuilder::Input() const {
  return {graph_.input.name, options_.channels, options_.height, options_.width};
}

ZooBuilder::Value ZooBuilder::ConvNorm(const std::string& conv, const std::string& norm,
                                       const Value& x, const ConvOptions& options) {
  const auto [channels, kernel, stride, group] = options;
  const int64_t pad = kernel / 2;
  const double fan_out = static_cast<double>(channels / group * kernel * kernel);
  std::vector<std::string> inputs = {
      x.name, NormalConstant(conv + ".weight", {channels, x.channels / group, kernel, kernel},
                             std::sqrt(2.0 / fan_out))};
  if (!options_.batch_norm) inputs.push_back(Constant(conv + ".bias", {channels}, 0));
  const auto size = [&](int64_t in) {  // clang 14 does not let it have bindings.
    return (in + 2 * pad - options.kernel) / options.stride + 1;
  };
  const Conv op{.kernel = {kernel, kernel},
                .strides = {stride, stride},
                .pads = {pad, pad, pad, pad},
                .group = group};
  Value y = Append(conv, op, inputs, {conv, channels, size(x.height), size(x.width)});
  if (!options_.batch_norm) return y;
  return Append(
      norm, BatchNormalization{},
      {y.name, Constant(norm + ".weight", {channels}, 1), Constant(norm + ".bias", {channels}, 0),
       Constant(norm + ".running_mean", {channels}, 0),
       Constant(norm + ".running_var", {channels}, 1)},
      y);
}

ZooBuilder::Value ZooBuilder::Relu(const std::string& name, const Value& x) {
  return Append(name, model::Relu{}, {x.name}, x);
}

ZooBuilder::Value ZooBuilder::Relu6(const std::string& name, const Value& x) {
  return Append(name, Clip{0, 6}, {x.name}, x);
}

ZooBuilder::Value ZooBuilder::Add(const std::string& name, const Value& a, const Value& b) {
  return Append(name, model::Add{}, {a.name, b.name}, a);
}

ZooBuilder::Value ZooBuilder::MaxPool2(const std::string& name, const Value& x) {
  return Append(name, MaxPool{}, {x.name}, {name, x.channels, x.height / 2, x.width / 2});
}

ZooBuilder::Value ZooBuilder::GlobalAveragePool(const std::string& name, const Value& x) {
  return Append(name, model::GlobalAveragePool{}, {x.name}, {name, x.channels, 1, 1});
}

Graph ZooBuilder::Classify(const std::string& name, const Value& x) {
  const Value flat = Append("flatten", Flatten{}, {x.name}, {"flatten", x.Elements(), 1, 1});
  const std::string weight =
      NormalConstant(name + ".weight", {options_.classes, flat.channels}, 0.01);
  const std::string bias = Constant(name + ".bias", {options_.classes}, 0);
  graph_.nodes.push_back({name, Gemm{}, {flat.name, weight, bias}, "logits"});
  graph_.output = {"logits", DataType::kFloat32, {kBatch, options_.classes}};
  return std::move(graph_);
}

ZooBuilder::Value ZooBuilder::Append(const std::string& name, Op op,
                                     std::vector<std::string> inputs, Value out) {
  graph_.nodes.push_back({name, std::move(op), std::move(inputs), name});
  out.name = name;
  return out;
}

std::string ZooBuilder::Constant(const std::string& name, Shape shape, float value) {
  const std::vector<float> values(ElementCount(shape), value);
  graph_.constants[name] = Tensor::Floats(std::move(shape), values);
  return name;
}

std::string ZooBuilder::NormalConstant(const std::string& name, Shape shape, double deviation) {
  Random random(RandomKey({options_.seed, RandomKeyOf(name)}));
  std::vector<float> values(ElementCount(shape));
  for (float& value : values) value = static_cast<float>(deviation * random.Normal());
  graph_.constants[name] = Tensor::Floats(std::move(shape), values);
  return name;
}

int64_t ScaledChannels(double channels, double width_multiplier) {
  const double scaled = channels * width_multiplier;
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(scaled + 4) / 8 * 8);
  return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

}  // namespace octet::model
