console.log("placeholder until kernels land");
