import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A node of `Tests/UQOperatorsTests/Cases/onnx.json`: every operator of ONNX that is read.
struct OnnxNode: Decodable {
  struct Values: Decodable {
    var element: String
    var shape: [Int]
    var values: [Double]
    var constant: Bool?

    var tensor: Tensor {
      get throws {
        let type = try #require(ElementType(rawValue: element))
        return Tensor(doubles: values, type, Shape(shape))
      }
    }
  }

  struct Attribute: Decodable {
    var i: Int?
    var f: Double?
    var s: String?
    var t: Values?
    var `is`: [Int]?
    var fs: [Double]?

    var value: ForeignAttribute {
      get throws {
        if let i { return .int(i) }
        if let f { return .float(Float(f)) }
        if let s { return .string(s) }
        if let t { return .tensor(try t.tensor) }
        if let fs { return .floats(fs.map { Float($0) }) }
        return .ints(try #require(`is`))
      }
    }
  }

  var name: String
  var op: String
  var version: Int
  var attributes: [String: Attribute]
  var operands: [Values?]
  var results: Int

  static let all: [OnnxNode] = cases + layers

  private static let cases: [OnnxNode] = {
    let path = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../UQOperatorsTests/Cases/onnx.json").standardizedFileURL
    do {
      return try JSONDecoder().decode([OnnxNode].self, from: try Data(contentsOf: path))
    } catch {
      Issue.record(error)
      return []
    }
  }()

  /// Operators whose results are tested elsewhere.
  private static let layers: [OnnxNode] = [
    node("MatMul", [float([2, 3]), float([3, 4])]),
    node("MatMul", [float([2, 2, 3]), float([2, 3, 4])]),
    node("MatMul", [float([1, 2, 2, 3]), float([1, 2, 3, 4])]),
    node("MatMul", [float([2, 3]), constant([3, 4])]),
    node("Gemm", [float([2, 3]), constant([3, 4]), constant([4])], ["alpha": Attribute(f: 0.5)]),
    node("Gemm", [float([2, 3]), constant([4, 3])], ["transB": Attribute(i: 1)]),
    node("Conv", [float([1, 3, 5, 5]), constant([4, 3, 3, 3]), constant([4])]),
    node(
      "Conv", [float([1, 4, 5, 5]), constant([8, 2, 3, 3])],
      ["group": Attribute(i: 2), "strides": Attribute(is: [2, 1])]),
    node("Conv", [float([1, 3, 5, 5]), constant([6, 1, 3, 3])], ["group": Attribute(i: 3)]),
    node("Conv", [float([1, 3, 7]), constant([4, 3, 3])], ["pads": Attribute(is: [1, 1])]),
    node("AveragePool", [float([1, 2, 6, 6])], ["kernel_shape": Attribute(is: [2, 2])]),
    node(
      "AveragePool", [float([1, 2, 6, 6])],
      [
        "kernel_shape": Attribute(is: [3, 3]), "pads": Attribute(is: [1, 1, 1, 1]),
        "count_include_pad": Attribute(i: 1),
      ]),
    node("MaxPool", [float([1, 2, 6, 6])], ["kernel_shape": Attribute(is: [2, 2])]),
    node(
      "LpPool", [float([1, 2, 6, 6])],
      ["kernel_shape": Attribute(is: [2, 2]), "p": Attribute(i: 2)]),
    node("GlobalAveragePool", [float([1, 2, 3, 3])]),
    node("GlobalMaxPool", [float([1, 2, 3, 3])]),
    node("GlobalLpPool", [float([1, 2, 3, 3])], ["p": Attribute(i: 2)]),
    node(
      "BatchNormalization",
      [float([1, 2, 3, 3]), constant([2]), constant([2]), constant([2]), constant([2])]),
    node("Softmax", [float([2, 3, 4])]),
    node("Softmax", [float([2, 3, 4])], ["axis": Attribute(i: 1)]),
    node("LogSoftmax", [float([2, 3, 4])]),
    node("IsNaN", [float([2, 3])]),
    node("BitwiseAnd", [integers([2, 3]), integers([3])]),
    node("BitwiseOr", [integers([2, 3]), integers([3])]),
    node("BitwiseXor", [integers([2, 3]), integers([3])]),
  ]

  private static func node(
    _ op: String, _ operands: [Values?], _ attributes: [String: Attribute] = [:]
  ) -> OnnxNode {
    OnnxNode(
      name: "\(op) \(operands.compactMap { $0?.shape })", op: op, version: 18,
      attributes: attributes, operands: operands, results: 1)
  }

  /// Numbers of both signs that do not repeat soon, in steps of 1/8.
  private static func float(_ shape: [Int]) -> Values {
    let count = shape.reduce(1, *)
    return Values(
      element: "float32", shape: shape, values: (0..<count).map { Double($0 * 37 % 101) / 8 - 6 },
      constant: false)
  }

  /// Positive numbers.
  private static func constant(_ shape: [Int]) -> Values {
    var values = float(shape)
    values.values = values.values.map { $0 / 8 + 1 }
    values.constant = true
    return values
  }

  private static func integers(_ shape: [Int]) -> Values {
    var values = float(shape)
    values.element = "int32"
    values.values = values.values.map { $0 * 8 }
    return values
  }

  static let names = Set(all.map(\.op)).sorted()

  /// The graph of the node, and the inputs of the case.
  func imported() throws -> (graph: Graph, inputs: [Tensor]) {
    var builder = GraphBuilder(name: "node")
    var inputs: [Tensor] = []
    var ids: [ValueID?] = []
    for (index, operand) in operands.enumerated() {
      guard let operand else {
        ids.append(nil)
        continue
      }
      let tensor = try operand.tensor
      if operand.constant == true {
        ids.append(builder.addConstant(tensor, name: "c\(index)"))
      } else {
        ids.append(builder.addInput("x\(index)", tensor.type))
        inputs.append(tensor)
      }
    }
    let node = ForeignNode(
      dialect: .onnx, operatorName: op, version: version, name: "node",
      attributes: try attributes.mapValues { try $0.value }, operands: ids,
      results: (0..<results).map { "y\($0)" },
      place: SourcePlace(file: "m.onnx", node: "node", operatorName: op))
    let rule = try #require(
      allOperators.lazy.flatMap { $0.imports }.first {
        $0.dialect == .onnx && $0.operatorName == op && $0.versions.contains(version)
      })
    for (index, id) in try rule.build(node, &builder).enumerated() {
      builder.addOutput("y\(index)", id)
    }
    try builder.graph.verify()
    return (builder.graph, inputs)
  }
}
