typedef int CMedia_placeholder;
