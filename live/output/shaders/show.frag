#version 330 core
// A picture of linear light on a screen of any shape, upscaled by Lanczos' kernel of two lobes
// (Claude Duchon, "Lanczos filtering in one and two dimensions", 1979), held within its four
// nearest pixels so that edges do not ring. FIT (0 crop or pad, 1 mirror, 2 kaleidoscope, 3 blur)
// and SHARP are defined by who compiles this: software renderers walk both sides of every `if`.
uniform sampler2D picture;
uniform vec2 scale;   // screen size over the size of the fitted picture, each axis
uniform float shade;  // 0 black .. 1 as it is
in vec2 uv;
out vec4 colour;

float lanczos(float x) {
    x = abs(x);
    if (x < 1e-4) return 1.0;
    if (x >= 2.0) return 0.0;
    float p = 3.14159265 * x;
    return 2.0 * sin(p) * sin(p / 2.0) / (p * p);
}

vec4 weights(float f) {
    vec4 w = vec4(lanczos(1.0 + f), lanczos(f), lanczos(1.0 - f), lanczos(2.0 - f));
    return w / (w.x + w.y + w.z + w.w);
}

vec3 upscaled(vec2 place) {
#if !SHARP
    return texture(picture, place).rgb;
#endif
    ivec2 size = textureSize(picture, 0);
    vec2 at = place * vec2(size) - 0.5;
    ivec2 base = ivec2(floor(at));
    vec4 across = weights(at.x - float(base.x)), down = weights(at.y - float(base.y));
    vec3 sum = vec3(0.0), low = vec3(1e9), high = vec3(-1e9);
    for (int y = 0; y < 4; y++) {
        for (int x = 0; x < 4; x++) {
            ivec2 p = clamp(base + ivec2(x - 1, y - 1), ivec2(0), size - 1);
            vec3 c = texelFetch(picture, p, 0).rgb;
            sum += across[x] * down[y] * c;
            if (x > 0 && x < 3 && y > 0 && y < 3) {
                low = min(low, c);
                high = max(high, c);
            }
        }
    }
    return clamp(sum, low, high);
}

vec3 blurred(vec2 place) {
    vec3 sum = vec3(0.0);
    for (int y = -3; y <= 3; y++)
        for (int x = -3; x <= 3; x++)
            sum += texture(picture, clamp(place + vec2(x, y) * 0.02, 0.0, 1.0)).rgb;
    return 0.35 * sum / 49.0;
}

vec2 mirrored(vec2 place) {
    return 1.0 - abs(mod(place, 2.0) - 1.0);
}

vec3 srgb(vec3 light) {
    light = clamp(light, 0.0, 1.0);
    return mix(light * 12.92, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
}

void main() {
    vec2 place = (uv - 0.5) * scale + 0.5;
#if FIT == 0
    vec3 light = place == clamp(place, 0.0, 1.0) ? upscaled(place) : vec3(0.0);
#elif FIT == 1
    vec3 light = upscaled(mirrored(place));
#elif FIT == 2
    vec3 light = upscaled(mirrored((uv - 0.5) * scale * 2.0));
#else
    vec2 behind = (uv - 0.5) * scale / max(scale.x, scale.y) + 0.5;
    vec3 light = place == clamp(place, 0.0, 1.0) ? upscaled(place) : blurred(behind);
#endif
    colour = vec4(srgb(light * shade), 1.0);
}
