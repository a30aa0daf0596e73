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

  static let all: [OnnxNode] = {
    let path = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../UQOperatorsTests/Cases/onnx.json").standardizedFileURL
    do {
      return try JSONDecoder().decode([OnnxNode].self, from: try Data(contentsOf: path))
    } catch {
      Issue.record(error)
      return []
    }
  }()

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
