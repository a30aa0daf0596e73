/// Version of the tool, as manifests and reports give it.
public let toolVersion = "0.1.0"
