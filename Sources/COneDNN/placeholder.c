typedef int COneDNN_placeholder;
