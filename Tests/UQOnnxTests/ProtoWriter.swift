import Foundation

/// Bytes of a protobuf message, written field by field.
struct Proto {
  private(set) var bytes: [UInt8] = []

  init(_ build: (inout Proto) -> Void = { _ in }) { build(&self) }

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func tag(_ number: Int, _ wire: Int) { varint(UInt64(number << 3 | wire)) }

  mutating func int(_ number: Int, _ value: Int) {
    tag(number, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ number: Int, _ value: Float) {
    tag(number, 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func data(_ number: Int, _ value: [UInt8]) {
    tag(number, 2)
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func string(_ number: Int, _ value: String) { data(number, Array(value.utf8)) }

  mutating func message(_ number: Int, _ value: Proto) { data(number, value.bytes) }
}

/// Builders of the messages that the tests need.
enum Onnx {
  static func model(
    ir: Int = 9, opsets: [(String, Int)] = [("", 17)], functions: [Proto] = [], graph: Proto
  ) -> Proto {
    Proto { model in
      model.int(1, ir)
      model.message(7, graph)
      for (domain, version) in opsets { model.message(8, opset(domain, version)) }
      for function in functions { model.message(25, function) }
    }
  }

  static func opset(_ domain: String, _ version: Int) -> Proto {
    Proto {
      $0.string(1, domain)
      $0.int(2, version)
    }
  }

  static func graph(
    nodes: [Proto], initializers: [Proto] = [], sparse: [Proto] = [], inputs: [Proto] = [],
    outputs: [Proto]
  ) -> Proto {
    Proto { graph in
      for node in nodes { graph.message(1, node) }
      graph.string(2, "g")
      for tensor in initializers { graph.message(5, tensor) }
      for input in inputs { graph.message(11, input) }
      for output in outputs { graph.message(12, output) }
      for tensor in sparse { graph.message(15, tensor) }
    }
  }

  static func node(
    _ op: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
    attributes: [Proto] = []
  ) -> Proto {
    Proto { node in
      for input in inputs { node.string(1, input) }
      for output in outputs { node.string(2, output) }
      if !name.isEmpty { node.string(3, name) }
      node.string(4, op)
      for attribute in attributes { node.message(5, attribute) }
      if !domain.isEmpty { node.string(7, domain) }
    }
  }

  static func attribute(_ name: String, type: Int, _ fill: (inout Proto) -> Void) -> Proto {
    Proto {
      $0.string(1, name)
      fill(&$0)
      if type > 0 { $0.int(20, type) }
    }
  }

  static func graphAttribute(_ name: String, _ graph: Proto) -> Proto {
    attribute(name, type: 5) { $0.message(6, graph) }
  }

  static func value(_ name: String, _ shape: [Any?]?) -> Proto { value(name, 1, shape) }

  /// A dimension is an `Int`, a symbol, or nothing.
  static func value(_ name: String, _ element: Int, _ shape: [Any?]?) -> Proto {
    Proto { info in
      info.string(1, name)
      let tensor = Proto { tensor in
        tensor.int(1, element)
        guard let shape else { return }
        tensor.message(
          2,
          Proto { list in
            for extent in shape {
              list.message(
                1,
                Proto {
                  if let number = extent as? Int { $0.int(1, number) }
                  if let symbol = extent as? String { $0.string(2, symbol) }
                })
            }
          })
      }
      info.message(2, Proto { $0.message(1, tensor) })
    }
  }

  static func tensor(
    _ name: String, _ type: Int, _ dims: [Int], fill: (inout Proto) -> Void
  ) -> Proto {
    Proto { tensor in
      for extent in dims { tensor.int(1, extent) }
      tensor.int(2, type)
      tensor.string(8, name)
      fill(&tensor)
    }
  }

  static func floats(_ name: String, _ dims: [Int], _ values: [Float]) -> Proto {
    tensor(name, 1, dims) { $0.data(9, raw(values)) }
  }

  static func int64s(_ name: String, _ dims: [Int], _ values: [Int64]) -> Proto {
    tensor(name, 7, dims) { $0.data(9, raw(values)) }
  }

  static func external(_ name: String, _ dims: [Int], _ entries: [(String, String)]) -> Proto {
    tensor(name, 1, dims) { tensor in
      for (key, value) in entries {
        tensor.message(
          13,
          Proto {
            $0.string(1, key)
            $0.string(2, value)
          })
      }
      tensor.int(14, 1)
    }
  }

  static func sparse(_ values: Proto, _ indices: Proto, _ dims: [Int]) -> Proto {
    Proto { sparse in
      sparse.message(1, values)
      sparse.message(2, indices)
      for extent in dims { sparse.int(3, extent) }
    }
  }

  static func function(
    _ domain: String, _ name: String, inputs: [String], outputs: [String], nodes: [Proto],
    attributes: [String] = []
  ) -> Proto {
    Proto { function in
      function.string(1, name)
      for input in inputs { function.string(4, input) }
      for output in outputs { function.string(5, output) }
      for attribute in attributes { function.string(6, attribute) }
      for node in nodes { function.message(7, node) }
      function.message(9, opset("", 17))
      function.message(9, opset("my", 1))
      function.string(10, domain)
    }
  }

  static func raw<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
}
