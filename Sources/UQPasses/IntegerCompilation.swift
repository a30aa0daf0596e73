import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Compiles a network that is integer as written to layers of int8 kernels with exactly its results.
///
/// Convolutions and products of int8 or uint8 with an int32 result are joined with what brings them
/// back to 8 bits (bias, fixed-point factor or shift, zero point, clip, cast) to an `IntegerLayer`.
/// Chains of elementwise functions from 8 bits to 8 bits become tables. uint8 numbers are kept as
/// int8 numbers 128 less, at the ports too. Quantizing an input and dequantizing an output become
/// the scale of the port.
public struct IntegerCompilation {
  private let graph: Graph
  private let users: [[Int]]
  private var result: Graph
  /// What 8-bit values became, and what is to be added to get the model's integers.
  private var narrow: [ValueID: (id: ValueID, offset: Int)] = [:]
  private var consumed: Set<Int> = []
  private var labels: [ValueID: Quantization] = [:]
  private var problems: [Diagnostic] = []
  private var names: Set<String> = []

  /// Whether a graph computes with integers as they are, so that it is not to be quantized.
  public static func applies(to graph: Graph) -> Bool {
    graph.nodes.contains {
      $0.op is IntegerConv2D || $0.op is IntegerMatrixProduct || $0.op is QuantizedArithmetic
    }
  }

  /// The graph in int8, every value with a quantization, ready to be lowered.
  ///
  /// - Throws: `integer.*` with every node that no kernel computes exactly.
  public static func compile(_ graph: Graph) throws -> Graph {
    var work = IntegerCompilation(graph)
    for id in graph.inputs { work.input(id) }
    for position in graph.nodes.indices where !work.consumed.contains(position) {
      work.visit(position)
    }
    work.outputs()
    guard work.problems.isEmpty else { throw Diagnostics(work.problems) }
    var compiled = work.result
    compiled.compact()
    try LosslessPasses.pipeline.run(on: &compiled)
    return work.labelled(compiled)
  }

  private init(_ graph: Graph) {
    self.graph = graph
    users = graph.users()
    result = Graph(name: graph.name)
  }

  // MARK: Ports

  private mutating func input(_ id: ValueID) {
    let value = graph[id]
    var type = value.type
    var label = Quantization(bits: 8, scales: [1], zeroPoint: 0)
    var target = id
    var offset = 0
    if type.element.isFloat, users[id.index].count == 1,
      let quantize = graph.nodes[users[id.index][0]].op as? QuantizeLinear,
      quantize.scales.count == 1, quantize.zeroPoints.count == 1,
      quantize.element == .int8 || quantize.element == .uint8
    {
      offset = quantize.element == .uint8 ? 128 : 0
      label.scales = [Double(quantize.scales[0])]
      label.zeroPoint = quantize.zeroPoints[0] - offset
      target = graph.nodes[users[id.index][0]].result
      consumed.insert(users[id.index][0])
    } else if type.element == .uint8 {
      offset = 128
      label.zeroPoint = -128
    } else if type.element != .int8 {
      problems.append(
        Diagnostic(
          id: "integer.input.type",
          "input '\(value.name)' is \(type): an integer program takes int8 or uint8, or float32 that "
            + "one qnn.quantize per tensor reads"))
    }
    type = TensorType(.int8, type.shape)
    let port = append(value.name, type)
    result.inputs.append(port)
    labels[port] = label
    narrow[target] = (emit(ScaleLabel(), [port], "\(value.name):integers", type), offset)
  }

  private mutating func outputs() {
    for (index, id) in graph.outputs.enumerated() {
      let name = graph.outputNames[index]
      var source = id
      var scale: (Float, Int)?
      if let position = graph.nodes.firstIndex(where: { $0.results.contains(id) }),
        let op = graph.nodes[position].op as? DequantizeLinear, op.scales.count == 1,
        op.zeroPoints.count == 1, let x = graph.nodes[position].operands[0]
      {
        source = x
        scale = (op.scales[0], op.zeroPoints[0])
      }
      guard let found = narrow[source] else {
        if problems.isEmpty {
          problems.append(
            Diagnostic(
              id: "integer.output.type",
              "output '\(name)' is \(graph[id].type): an integer program gives int8 or uint8, or "
                + "what one qnn.dequantize per tensor makes of them"))
        }
        continue
      }
      let port = emit(
        ScaleLabel(), [found.id], "\(graph[id].name):port", result.type(of: found.id))
      labels[port] = Quantization(
        bits: 8, scales: [Double(scale?.0 ?? 1)], zeroPoint: (scale?.1 ?? 0) - found.offset)
      result.outputs.append(port)
      result.outputNames.append(name)
    }
  }

  /// The graph with a quantization for each value: that of ports, elsewhere integers as they are.
  private func labelled(_ compiled: Graph) -> Graph {
    var byName: [String: Quantization] = [:]
    for (id, label) in labels { byName[result[id].name] = label }
    var labelled = compiled
    for (index, value) in compiled.values.enumerated()
    where value.type.element == .int8 && value.constant == nil {
      labelled.values[index].type.quantization =
        byName[value.name] ?? Quantization(bits: 8, scales: [1], zeroPoint: 0)
    }
    return labelled
  }

  // MARK: Nodes

  private mutating func visit(_ position: Int) {
    let node = graph.nodes[position]
    let inputs = node.operands.map { $0.flatMap { narrow[$0] } }
    let done: Bool
    switch node.op {
    case is IntegerConv2D, is IntegerMatrixProduct: done = layer(position)
    case is QuantizedArithmetic: done = arithmetic(node, inputs)
    case is Reshape, is Transpose, is Concat, is Slice, is MaxPool2D, is Broadcast, is Pad:
      done = move(node, inputs)
    case is DequantizeLinear where isOutput(node): done = inputs[0] != nil
    case is IntegerAveragePool2D, is AveragePool2D: done = pool(position)
    default: done = pool(position) || softmax(position) || table(position)
    }
    guard !done, !consumed.contains(position) else { return }
    // What depends on a node already reported is not reported again.
    let isFirst = node.operands.allSatisfy { id in
      guard let id else { return true }
      return narrow[id] != nil || graph.constant(id) != nil || graph.inputs.contains(id)
    }
    guard isFirst || hasVariableWeights(node) else { return }
    let place = SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place)
    if hasVariableWeights(node) {
      problems.append(
        Diagnostic(
          id: "integer.weights.variable",
          "the weights depend on an input, and kernels take constant ones; parameters of a program "
            + "belong in a file (--params FILE, or MODEL.params beside it)", at: place))
      return
    }
    problems.append(
      Diagnostic(
        id: "integer.node.unsupported",
        "no kernel computes exactly what it and the nodes after it make of 8-bit integers "
          + "(operands \(node.operands.compactMap { $0.map { "\(graph.type(of: $0))" } }))",
        at: place))
  }

  private func hasVariableWeights(_ node: Node) -> Bool {
    guard node.op is IntegerConv2D || node.op is IntegerMatrixProduct else { return false }
    return (node.operands.dropFirst().first ?? nil).map { graph.constant($0) == nil } ?? false
  }

  private func isOutput(_ node: Node) -> Bool {
    users[node.result.index].isEmpty && graph.outputs.contains(node.result)
  }

  /// A convolution or product with all that follows it up to 8 bits.
  private mutating func layer(_ position: Int) -> Bool {
    let node = graph.nodes[position]
    guard let x = node.operands[0].flatMap({ narrow[$0] }),
      let weights = graph.constant(node.operands[1])
    else { return false }
    var window: Window2D?
    var groups = 1
    var zeroPoint = 0
    var weightZeros = [0]
    if let op = node.op as? IntegerConv2D, op.element == .int32 {
      (window, groups) = (op.window, op.groups)
      (zeroPoint, weightZeros) = (op.inputZeroPoint, op.weightZeroPoints)
    } else if let op = node.op as? IntegerMatrixProduct, op.element == .int32,
      weights.shape.rank == 2
    {
      (zeroPoint, weightZeros) = (op.zeroPointA, op.zeroPointsB)
    } else {
      return false
    }
    let channels = weights.shape[0]
    guard channels > 0, let centred = int8(weights, less: weightZeros) else { return false }
    let kernelZero = zeroPoint - x.offset
    guard (-128...127).contains(kernelZero) else { return false }
    let depth = centred.count / channels
    let reach = (0..<channels).map { channel in
      let largest = max(abs(-128 - kernelZero), abs(127 - kernelZero))
      return centred[channel * depth..<(channel + 1) * depth].reduce(0) {
        $0 + abs(Int($1)) * largest
      }
    }
    var epilogue = IntegerEpilogue(channels: channels)
    let type = graph.type(of: node.result)
    let chain = follow(
      node.result, channelAxis: type.shape.rank - 1
    ) { step, constant, shape, axis in
      epilogue.absorb(step, constant: constant, shape: shape, channelAxis: axis)
    } isDone: {
      epilogue.isNarrow
    }
    guard let finished = epilogue.finished(reach: reach) else { return false }
    var op = IntegerLayer(window: window, groups: groups, inputZeroPoint: kernelZero)
    finished.make(&op)
    let weightID = constant(Tensor(centred, weights.shape), "\(node.name):weights")
    let biasID = constant(Tensor(finished.bias, [channels]), "\(node.name):bias")
    var value = emit(
      op, [x.id, weightID, biasID], node.name, TensorType(.int8, type.shape),
      place: node.place)
    for move in chain.moves {
      value = emit(
        anyOperator: move.op, [value], move.name,
        TensorType(.int8, graph.type(of: move.result).shape))
    }
    consumed.formUnion(chain.positions)
    narrow[chain.end] = (value, epilogue.element == .uint8 ? 128 : 0)
    return true
  }

  private func int8(_ weights: Tensor, less zeros: [Int]) -> [Int8]? {
    let values = weights.integers
    let depth = values.count / max(weights.shape[0], 1)
    var result: [Int8] = []
    for (index, value) in values.enumerated() {
      guard let exact = Int8(exactly: value - zeros[zeros.count == 1 ? 0 : index / depth]) else {
        return nil
      }
      result.append(exact)
    }
    return result
  }

  /// Follows a value through nodes that only it flows into, moves among them.
  private func follow(
    _ start: ValueID, channelAxis: Int?,
    _ absorb: (Node, (tensor: Tensor, position: Int)?, Shape, Int?) -> Bool,
    isDone: () -> Bool
  ) -> (end: ValueID, moves: [Node], positions: [Int]) {
    var current = start
    var axis = channelAxis
    var moves: [Node] = []
    var positions: [Int] = []
    while users[current.index].count == 1, !graph.outputs.contains(current) {
      let position = users[current.index][0]
      let node = graph.nodes[position]
      let shape = graph.type(of: current).shape
      if isDone(), !(node.op is Maximum), !(node.op is Minimum) { break }
      if let op = node.op as? Transpose {
        axis = axis.flatMap { op.permutation.firstIndex(of: $0) }
        moves.append(node)
      } else if node.op is Reshape {
        let after = graph.type(of: node.result).shape
        // Channels stay an axis where those behind it, and their number, stay.
        axis = axis.flatMap { axis in
          after.indices.first {
            after[$0] == shape[axis] && after.strides[$0] == shape.strides[axis]
          }
        }
        moves.append(node)
      } else {
        var constant: (tensor: Tensor, position: Int)?
        for (index, operand) in node.operands.enumerated() {
          if let tensor = graph.constant(operand) { constant = (tensor, index) }
        }
        guard graph.type(of: node.result).shape == shape, absorb(node, constant, shape, axis) else {
          break
        }
      }
      positions.append(position)
      current = node.result
    }
    return (current, moves, positions)
  }

  /// A sum, difference or product of two tensors.
  private mutating func arithmetic(_ node: Node, _ inputs: [(id: ValueID, offset: Int)?]) -> Bool {
    guard var op = node.op as? QuantizedArithmetic, let a = inputs[0], let b = inputs[1] else {
      return false
    }
    let offset = graph.type(of: node.result).element == .uint8 ? 128 : 0
    op.a.zeroPoint -= a.offset
    op.b.zeroPoint -= b.offset
    op.y.zeroPoint -= offset
    guard [op.a, op.b, op.y].allSatisfy({ (-128...127).contains($0.zeroPoint) }) else {
      return false
    }
    let type = TensorType(.int8, graph.type(of: node.result).shape)
    narrow[node.result] = (emit(op, [a.id, b.id], node.name, type, place: node.place), offset)
    return true
  }

  /// An operator that moves integers or takes the largest.
  private mutating func move(_ node: Node, _ inputs: [(id: ValueID, offset: Int)?]) -> Bool {
    let known = inputs.compactMap { $0 }
    guard known.count == node.operands.count, let first = known.first,
      known.allSatisfy({ $0.offset == first.offset })
    else { return false }
    var op: any Operator = node.op
    if var pad = op as? Pad {
      pad.value -= Float(first.offset)
      op = pad
    }
    let type = TensorType(.int8, graph.type(of: node.result).shape)
    let value = emit(
      anyOperator: op, known.map(\.id), node.name, type, place: node.place)
    narrow[node.result] = (value, first.offset)
    return true
  }

  /// A mean in 32 bits between casts.
  private mutating func pool(_ position: Int) -> Bool {
    let start = graph.nodes[position]
    guard let x = start.operands[0], let source = narrow[x], source.offset == 0 else {
      return false
    }
    var current = x
    var path: [Node] = []
    var positions: [Int] = []
    var found: IntegerAveragePool2D?
    var isWide = false
    while users[current.index].contains(position) || current != x {
      guard path.count < 16, current == x || users[current.index].count == 1 else { return false }
      let at = current == x ? position : users[current.index][0]
      let node = graph.nodes[at]
      switch node.op {
      case let op as Cast where op.element == .int32 && found == nil: isWide = true
      case let op as Requantize
      where op.element == .int32 && !op.isScaled && found == nil
        && op.inputZeroPoints == [op.outputZeroPoint]:
        isWide = true
      case is Transpose, is Reshape: path.append(node)
      case let op as IntegerAveragePool2D where found == nil && isWide:
        found = IntegerAveragePool2D(
          window: op.window, includesPadding: op.includesPadding, sums: .int32)
        path.append(node)
      case let op as AveragePool2D where found == nil && isWide:
        found = IntegerAveragePool2D(
          window: op.window, includesPadding: op.includesPadding, sums: .int32)
        path.append(node)
      case is Maximum where found != nil, is Minimum where found != nil:
        let bound = node.operands.compactMap { graph.constant($0)?.integers.first }.first ?? 0
        guard node.op is Maximum ? bound <= -128 : bound >= 127 else { return false }
      case let op as Cast where op.element == .int8 && found != nil:
        positions.append(at)
        var value = source.id
        for step in path {
          let isPool = step.op is IntegerAveragePool2D || step.op is AveragePool2D
          let type = TensorType(.int8, graph.type(of: step.result).shape)
          value =
            isPool
            ? emit(
              found ?? IntegerAveragePool2D(window: Window2D(kernel: [1, 1])), [value],
              step.name, type, place: step.place)
            : emit(anyOperator: step.op, [value], step.name, type, place: step.place)
        }
        consumed.formUnion(positions)
        narrow[node.result] = (value, 0)
        return true
      default: return false
      }
      positions.append(at)
      current = node.result
    }
    return false
  }

  /// A softmax of real numbers between dequantizing and quantizing, which has a kernel of its own.
  private mutating func softmax(_ position: Int) -> Bool {
    let node = graph.nodes[position]
    guard let dequantize = node.op as? DequantizeLinear, dequantize.scales.count == 1,
      dequantize.zeroPoints.count == 1, let source = node.operands[0].flatMap({ narrow[$0] }),
      users[node.result.index].count == 1
    else { return false }
    let second = users[node.result.index][0]
    guard let softmax = graph.nodes[second].op as? Softmax,
      users[graph.nodes[second].result.index].count == 1
    else { return false }
    let third = users[graph.nodes[second].result.index][0]
    let last = graph.nodes[third]
    guard let quantize = last.op as? QuantizeLinear, quantize.scales == [0x1p-8],
      quantize.zeroPoints == [quantize.element == .uint8 ? 0 : -128],
      quantize.element == .int8 || quantize.element == .uint8
    else { return false }
    let type = TensorType(.int8, graph.type(of: node.result).shape)
    let labelled = emit(ScaleLabel(), [source.id], "\(node.name):scaled", type)
    labels[labelled] = Quantization(
      bits: 8, scales: [Double(dequantize.scales[0])],
      zeroPoint: dequantize.zeroPoints[0] - source.offset)
    let value = emit(softmax, [labelled], graph.nodes[second].name, type, place: last.place)
    labels[value] = Quantization(bits: 8, scales: [0x1p-8], zeroPoint: -128)
    let plain = emit(ScaleLabel(), [value], "\(last.name):integers", type)
    consumed.formUnion([position, second, third])
    narrow[last.result] = (plain, quantize.element == .uint8 ? 128 : 0)
    return true
  }

  /// Elementwise functions from 8 bits to 8 bits.
  private mutating func table(_ position: Int) -> Bool {
    let first = graph.nodes[position]
    guard let x = first.operands.compactMap({ $0 }).first(where: { narrow[$0] != nil }),
      let source = narrow[x]
    else { return false }
    var value = Tensor((0..<256).map { Int64($0 - 128 + source.offset) }, [256])
      .converted(to: graph.type(of: x).element)
    var current = x
    var at = position
    var positions: [Int] = []
    while true {
      let node = graph.nodes[at]
      guard isElementwise(node.op), graph.type(of: node.result).shape == graph.type(of: x).shape
      else { return false }
      var operands: [Tensor?] = []
      for operand in node.operands {
        guard let operand else { return false }
        if operand == current {
          operands.append(value)
        } else if let constant = graph.constant(operand), constant.count == 1 {
          operands.append(constant.reshaped([]))
        } else {
          return false
        }
      }
      guard let types = try? node.op.resultTypes(operands.map { $0?.type }),
        let next = try? node.op.evaluate(operands, results: types).first
      else { return false }
      value = next
      positions.append(at)
      current = node.result
      let element = graph.type(of: current).element
      let isBounded = (element == .int8 || element == .uint8) && !isBoundNext(current)
      if isBounded {
        let offset = element == .uint8 ? 128 : 0
        let table = value.integers.map { Int8(truncatingIfNeeded: $0 - offset) }
        let type = TensorType(.int8, graph.type(of: current).shape)
        consumed.formUnion(positions)
        if offset == source.offset, table == (-128...127).map({ Int8($0) }) {
          narrow[current] = source
          return true
        }
        let result = emit(
          LookupTable(table: table), [source.id], node.name, type, place: node.place)
        narrow[current] = (result, offset)
        return true
      }
      guard users[current.index].count == 1, !graph.outputs.contains(current) else { return false }
      at = users[current.index][0]
    }
  }

  /// Whether the only thing that becomes of a value of 8 bits is a bound.
  private func isBoundNext(_ id: ValueID) -> Bool {
    guard users[id.index].count == 1, !graph.outputs.contains(id) else { return false }
    let next = graph.nodes[users[id.index][0]]
    return (next.op is Maximum || next.op is Minimum)
      && next.operands.contains { graph.constant($0)?.count == 1 }
  }

  private func isElementwise(_ op: any Operator) -> Bool {
    op.isUnaryElementwise || op.isBinaryElementwise
  }

  // MARK: Emitting

  private mutating func append(_ name: String, _ type: TensorType) -> ValueID {
    result.append(Value(name: unique(name), type: type))
  }

  private mutating func constant(_ tensor: Tensor, _ name: String) -> ValueID {
    result.appendConstant(tensor, name: unique(name))
  }

  private mutating func emit(
    _ op: some Operator, _ operands: [ValueID?], _ name: String, _ type: TensorType,
    place: SourcePlace = SourcePlace()
  ) -> ValueID {
    let id = append(name, type)
    result.nodes.append(
      Node(name: name, op: op, operands: operands, results: [id], place: place))
    return id
  }

  private mutating func emit(
    anyOperator op: any Operator, _ operands: [ValueID?], _ name: String, _ type: TensorType,
    place: SourcePlace = SourcePlace()
  ) -> ValueID { emit(op, operands, name, type, place: place) }

  private mutating func unique(_ wanted: String) -> String {
    var candidate = wanted
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(wanted).\(number)"
      number += 1
    }
    return candidate
  }
}
