typedef int COnnx_placeholder;
