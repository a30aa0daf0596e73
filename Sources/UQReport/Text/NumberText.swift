/// `.913`; from 1 on `12.345`.
func decimal(_ value: Double) -> String {
  guard value.isFinite, value.magnitude < 1e12 else { return "\(value)" }
  let scaled = Int((value.magnitude * 1000).rounded())
  let digits = String(scaled % 1000)
  let padded = String(repeating: "0", count: 3 - digits.count) + digits
  return (value < 0 && scaled > 0 ? "−" : "") + (scaled >= 1000 ? "\(scaled / 1000)" : "") + "."
    + padded
}

/// `12.3`.
func tenths(_ value: Double) -> String {
  guard value.isFinite, value.magnitude < 1e12 else { return "\(value)" }
  let scaled = Int((value.magnitude * 10).rounded())
  return (value < 0 && scaled > 0 ? "−" : "") + "\(scaled / 10).\(scaled % 10)"
}

/// `98.5 %`.
func percent(_ value: Double) -> String { tenths(value * 100) + " %" }

/// Three significant digits: `0.0123`, `4.57`, `123`.
func significant(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
  let magnitude = value.magnitude
  guard magnitude >= 1e-6, magnitude < 1e9 else {
    var exponent = 0
    var mantissa = magnitude
    while mantissa >= 9.995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.9995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return (value < 0 ? "−" : "") + "\(significant(mantissa))e\(exponent)"
  }
  var places = 2
  var bound = 9.995
  while magnitude >= bound, places > 0 { (places, bound) = (places - 1, bound * 10) }
  bound = 0.9995
  while magnitude < bound { (places, bound) = (places + 1, bound / 10) }
  var unit = 1
  for _ in 0..<places { unit *= 10 }
  let scaled = Int((magnitude * Double(unit)).rounded())
  var text = "\(scaled / unit)"
  if places > 0 {
    let digits = String(scaled % unit)
    text += "." + String(repeating: "0", count: places - digits.count) + digits
  }
  return (value < 0 ? "−" : "") + text
}

/// `24,368 B`; nothing for 0.
func bytes(_ count: Int) -> String { count == 0 ? "" : thousands(count) + " B" }

/// `2,656,768`.
func thousands(_ count: Int) -> String {
  var digits = Array(String(count.magnitude))
  var position = digits.count - 3
  while position > 0 {
    digits.insert(",", at: position)
    position -= 3
  }
  return (count < 0 ? "−" : "") + String(digits)
}

/// A value of a metric: `.913`, or three significant digits where it is no share.
func metricText(_ value: Double, _ metric: Metric) -> String {
  switch metric {
  case .meanAbsoluteError, .command: significant(value)
  default: decimal(value)
  }
}
